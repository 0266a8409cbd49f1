//! Paths: ways from one asset or field to another.

use async_graphql::{Context, Object, Result};
use headwater_engine::{PathView, PathsAnswer};

use crate::asset::Asset;
use crate::field::Field;
use crate::lineage::{Completeness, Snapshot};
use crate::page::times;
use crate::scope::scope;

/// Assets or fields that a path is taken to have, to estimate an answer's size.
const PATH_EXPECTED: usize = 8;

/// Ways, the shortest first.
pub(crate) struct Paths(pub(crate) PathsAnswer);

/// Ways from one asset or field to another, the shortest first.
#[Object]
impl Paths {
    async fn paths(&self) -> Vec<Path> {
        self.0.paths.iter().cloned().map(Path).collect()
    }

    async fn completeness(&self) -> Completeness {
        Completeness(self.0.completeness.clone())
    }

    async fn snapshot(&self, ctx: &Context<'_>) -> Snapshot {
        Snapshot::of(scope(ctx))
    }
}

/// One way.
pub(crate) struct Path(PathView);

/// One way, both ends included.
#[Object]
impl Path {
    /// The assets on it in order, jobs too.
    #[graphql(complexity = "times(PATH_EXPECTED, child_complexity)")]
    async fn assets(&self, ctx: &Context<'_>) -> Result<Vec<Asset>> {
        let assets = self.0.assets.iter();
        assets.map(|index| Asset::new(scope(ctx), *index)).collect()
    }

    /// The fields on it in order, if fields were walked.
    #[graphql(complexity = "times(PATH_EXPECTED, child_complexity)")]
    async fn fields(&self) -> Vec<Field> {
        let fields = self.0.fields.iter();
        fields
            .map(|(dataset, name)| Field::named(*dataset, name))
            .collect()
    }
}
