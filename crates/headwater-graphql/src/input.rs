//! Arguments that several questions share.

use async_graphql::{Enum, InputObject, Result};
use headwater_engine as engine;

use crate::error::{ask_error, invalid, too_large};
use crate::limits::Limits;
use crate::scalars::{DateTime, Offset, Reference};
use crate::scope::Scope;

/// Which way to walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum Direction {
    /// To what the roots are computed from.
    Upstream,
    /// To what is computed from the roots.
    Downstream,
    /// Upstream of the roots, together with downstream of the roots.
    Both,
}

impl From<Direction> for engine::Direction {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Upstream => Self::Upstream,
            Direction::Downstream => Self::Downstream,
            Direction::Both => Self::Both,
        }
    }
}

/// What is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum Granularity {
    /// Edges between datasets and jobs.
    Dataset,
    /// Edges between fields; those between datasets and jobs only for want of them.
    Field,
}

impl From<Granularity> for engine::Granularity {
    fn from(granularity: Granularity) -> Self {
        match granularity {
            Granularity::Dataset => Self::Dataset,
            Granularity::Field => Self::Field,
        }
    }
}

/// When to look: validAt is when it held in the world, knownAt what was known when that offset was the newest. Both
/// default to now.
#[derive(Clone, Copy, Debug, InputObject)]
pub(crate) struct AsOf {
    valid_at: Option<DateTime>,
    known_at: Option<Offset>,
}

impl From<AsOf> for engine::AsOf {
    fn from(as_of: AsOf) -> Self {
        Self {
            valid_at: as_of.valid_at.map(|at| at.0),
            known_at: as_of.known_at.map(|at| at.0),
        }
    }
}

/// Which assets; an absent part chooses all. Within a part any value will do, and every part must agree.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct AssetFilter {
    domains: Option<Vec<String>>,
    data_products: Option<Vec<String>>,
    owners: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    types: Option<Vec<String>>,
    namespaces: Option<Vec<String>>,
    text: Option<String>,
    #[graphql(default_with = "Some(false)")]
    include_retired: Option<bool>,
}

impl AssetFilter {
    /// The engine's filter; none if there is none.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED` names a list that is too long.
    pub(crate) fn read(
        filter: Option<Self>,
        limits: &Limits,
    ) -> Result<Option<engine::AssetFilter>> {
        let Some(filter) = filter else {
            return Ok(None);
        };
        let lists = [
            ("domains of a filter", &filter.domains),
            ("dataProducts of a filter", &filter.data_products),
            ("owners of a filter", &filter.owners),
            ("tags of a filter", &filter.tags),
            ("types of a filter", &filter.types),
            ("namespaces of a filter", &filter.namespaces),
        ];
        for (name, values) in lists {
            let found = values.as_ref().map_or(0, Vec::len);
            if found > limits.filter_values_max {
                return Err(too_large(name, found, limits.filter_values_max));
            }
        }
        Ok(Some(engine::AssetFilter {
            domains: filter.domains,
            data_products: filter.data_products,
            owners: filter.owners,
            tags: filter.tags,
            types: filter.types,
            namespaces: filter.namespaces,
            text: filter.text,
            include_retired: filter.include_retired.unwrap_or_default(),
        }))
    }
}

/// The assets and fields that `of` names.
///
/// # Errors
/// Those of references; `INVALID_INPUT` if there are none, `LIMIT_EXCEEDED` if there are too many.
pub(crate) fn roots(scope: &Scope, of: &[Reference]) -> Result<Vec<engine::Root>> {
    if of.is_empty() {
        return Err(invalid("of names no asset"));
    }
    if of.len() > scope.limits.roots_max {
        return Err(too_large("of", of.len(), scope.limits.roots_max));
    }
    of.iter()
        .map(|reference| scope.view.require_root(&reference.0).map_err(ask_error))
        .collect()
}

/// The most hops; none if there is no bound.
///
/// # Errors
/// `INVALID_INPUT` if it is negative.
pub(crate) fn depth(depth: Option<i32>) -> Result<Option<u32>> {
    depth
        .map(|hops| {
            u32::try_from(hops)
                .map_err(|_| invalid(format!("depth is {hops}, and can't be negative")))
        })
        .transpose()
}
