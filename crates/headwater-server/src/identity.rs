//! Operators' rules of identity: what they would change, and making them hold.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use headwater_engine::{Caller, IdentityPlan, Planned, check_identity};
use headwater_model::IdentityRules;
use headwater_record::IdentityRecord;
use serde::Serialize;

use crate::body;
use crate::error::ApiError;
use crate::lineage::OFFSET;
use crate::parameters;
use crate::router::App;
use crate::submissions::off_thread;

/// The largest list of rules, in bytes: it has to fit into an entry of the log.
const RULES_BYTES_MAX: usize = 1 << 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanRecord {
    /// The offset at which the rules hold; none of a dry run.
    offset: Option<u64>,
    merges_count: usize,
    splits_count: usize,
    moves_count: usize,
    merges: Vec<PlannedRecord>,
    splits: Vec<PlannedRecord>,
    moves: Vec<PlannedRecord>,
}

#[derive(Serialize)]
struct PlannedRecord {
    before: Vec<String>,
    after: Vec<String>,
    reason: String,
}

/// Takes rules over, or says what they would change; replies once it is durable and visible.
pub(crate) async fn post(
    State(app): State<App>,
    parameters: parameters::Found,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let parameters = parameters::read(parameters)?;
    let max = app.limits.submission_bytes_max.min(RULES_BYTES_MAX);
    let body = body::read("the rules", &headers, body, max, &app.bodies).await?;
    let rules = rules(&body)?;
    check_identity(&rules).map_err(|error| {
        ApiError::invalid(format!("the rules: rule {}, {error}", error.rule + 1))
    })?;
    let place = Arc::clone(&app.submission_places).acquire_owned().await;
    let done = off_thread(move || {
        let plan = app.engine.view(Caller::everyone()).plan_identity(&rules)?;
        let offset = if parameters.dry_run {
            None
        } else {
            Some(app.engine.set_identity(rules, (app.clock)())?)
        };
        Ok::<_, ApiError>((plan, offset))
    })
    .await?;
    drop(place);
    let (plan, offset) = done?;
    let mut response = Json(record(plan, offset)).into_response();
    if let Some(offset) = offset {
        let headers = response.headers_mut();
        headers.insert(OFFSET, HeaderValue::from(offset));
    }
    Ok(response)
}

fn rules(body: &[u8]) -> Result<IdentityRules, ApiError> {
    let record: IdentityRecord = serde_json::from_slice(body)
        .map_err(|error| ApiError::invalid(format!("the rules: {error}")))?;
    record
        .into_rules()
        .map_err(|error| ApiError::invalid(error.to_string()))
}

fn record(plan: IdentityPlan, offset: Option<u64>) -> PlanRecord {
    let [merges_count, splits_count, moves_count] = plan.counts;
    PlanRecord {
        offset,
        merges_count,
        splits_count,
        moves_count,
        merges: plan.merges.into_iter().map(planned).collect(),
        splits: plan.splits.into_iter().map(planned).collect(),
        moves: plan.moves.into_iter().map(planned).collect(),
    }
}

fn planned(planned: Planned) -> PlannedRecord {
    PlannedRecord {
        before: planned.before,
        after: planned.after,
        reason: planned.reason,
    }
}
