//! `sources.json`: how fresh `dbt source freshness` found sources to be.
//!
//! Source: <https://schemas.getdbt.com/dbt/sources/v1.json> to `v3.json`.

use headwater_extractor::time;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::artifact::Metadata;
use crate::salvage::Salvage;
use crate::text::{Members, Number, Scalar, Text};

/// All results of an invocation.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Freshness<'a> {
    pub(crate) metadata: Metadata<'a>,
    pub(crate) results: Vec<SourceResult<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct SourceResult<'a> {
    pub(crate) unique_id: Option<Text<'a>>,
    pub(crate) status: Option<Text<'a>>,
    max_loaded_at: Option<Text<'a>>,
    snapshotted_at: Option<Text<'a>>,
    max_loaded_at_time_ago_in_s: Number,
    criteria: Option<Criteria<'a>>,
    error: Option<Scalar<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Criteria<'a> {
    warn_after: Option<Threshold<'a>>,
    error_after: Option<Threshold<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Threshold<'a> {
    count: Number,
    period: Option<Text<'a>>,
}

/// The facet `freshness`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FreshnessFacet<'f> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_loaded_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshotted_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<f64>,
    status: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    warn_after: Option<ThresholdFacet<'f>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_after: Option<ThresholdFacet<'f>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'f str>,
}

#[derive(Debug, Serialize)]
struct ThresholdFacet<'f> {
    count: u64,
    period: &'f str,
}

impl<'a> Freshness<'a> {
    pub(crate) fn salvage(
        sections: &Members<'a, &'a RawValue>,
        metadata: Metadata<'a>,
        salvage: &mut Salvage<'a>,
    ) -> Self {
        Self {
            metadata,
            results: salvage.elements(sections, "results"),
        }
    }
}

impl SourceResult<'_> {
    /// The JSON of the facet `freshness`; none for a result without a status.
    pub(crate) fn facet(&self) -> Option<String> {
        let at = |text: &Option<Text>| {
            let (epoch_ms, _) = time::parse_rfc3339(text.as_deref()?)?;
            Some(time::format_rfc3339(epoch_ms))
        };
        let criteria = self.criteria.as_ref();
        let facet = FreshnessFacet {
            max_loaded_at: at(&self.max_loaded_at),
            snapshotted_at: at(&self.snapshotted_at),
            age_seconds: self.max_loaded_at_time_ago_in_s.0,
            status: self.status.as_deref()?,
            warn_after: criteria.and_then(|criteria| shown(criteria.warn_after.as_ref())),
            error_after: criteria.and_then(|criteria| shown(criteria.error_after.as_ref())),
            message: self.error.as_ref().map(|error| &*error.0),
        };
        Some(serde_json::to_string(&facet).expect("strings and numbers are JSON"))
    }

    /// When it was measured, in epoch milliseconds.
    pub(crate) fn measured_at(&self) -> Option<i64> {
        Some(time::parse_rfc3339(self.snapshotted_at.as_deref()?)?.0)
    }
}

/// A threshold that is set: dbt writes those that are not with nulls.
fn shown<'f>(threshold: Option<&'f Threshold>) -> Option<ThresholdFacet<'f>> {
    let threshold = threshold?;
    Some(ThresholdFacet {
        count: crate::text::whole(threshold.count)?,
        period: threshold.period.as_deref()?,
    })
}
