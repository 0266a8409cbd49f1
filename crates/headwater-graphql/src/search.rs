//! Finding assets: by reference, and by a part of their name.

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject, Union};
use headwater_engine as engine;

use crate::asset::Asset;
use crate::cursor;
use crate::dataset::Dataset;
use crate::domain::Domain;
use crate::error::internal;
use crate::job::Job;
use crate::page::{self, Connection, Edge};
use crate::quick::not_quick;
use crate::scalars::Reference;
use crate::scope::{Scope, scope};

/// How a reference was turned into an asset.
pub(crate) struct Resolution {
    pub(crate) reference: Reference,
    pub(crate) found: engine::Resolution,
}

/// How a reference was turned into an asset, or why it was not.
#[Object]
impl Resolution {
    async fn reference(&self) -> &Reference {
        &self.reference
    }

    async fn asset(&self, ctx: &Context<'_>) -> Result<Option<Asset>> {
        let asset = self.found.asset;
        asset.map(|index| Asset::new(scope(ctx), index)).transpose()
    }

    /// The rules that applied, in order, in words.
    async fn steps(&self) -> &[String] {
        &self.found.steps
    }

    /// More than one if the reference is ambiguous; the service then refuses to guess.
    async fn candidates(&self, ctx: &Context<'_>) -> Result<Vec<Asset>> {
        let candidates = self.found.candidates.iter();
        candidates
            .map(|index| Asset::new(scope(ctx), *index))
            .collect()
    }
}

/// What a search finds.
#[derive(Union)]
pub(crate) enum SearchEntity {
    /// A dataset.
    Dataset(Dataset),
    /// A job.
    Job(Job),
    /// A domain.
    Domain(Domain),
}

/// One hit of a search.
#[derive(SimpleObject)]
pub(crate) struct SearchHit {
    entity: SearchEntity,
    /// The text that matched, and where: name, field, description, alias.
    matched: String,
}

not_quick!(SearchHit);

/// What hits are sorted by, then what tells them apart: a domain has no number and comes first.
type Key = (u8, usize, String, Option<u32>);

fn key(scope: &Scope, hit: &engine::SearchHit) -> Key {
    let (name, number) = match &hit.entity {
        engine::SearchEntity::Domain(name) => (name.to_string(), None),
        engine::SearchEntity::Asset(index) => {
            let asset = scope.view.asset(*index);
            let name = asset.map(|asset| asset.name.to_owned());
            (name.unwrap_or_default(), Some(index.get()))
        }
    };
    (hit.rank, name.len(), name, number)
}

/// One page of what a search found.
///
/// # Errors
/// Those of paging arguments.
pub(crate) fn page(
    scope: &Scope,
    text: &str,
    hits: &[engine::SearchHit],
    (first, after): (Option<i32>, Option<String>),
) -> Result<Connection<SearchHit>> {
    let count = page::count(first, 20, scope.limits.page_max)?;
    let after: Option<Key> = after
        .map(|after| cursor::read("search", &after))
        .transpose()?;
    let start = after.map_or(0, |after| {
        hits.partition_point(|hit| key(scope, hit) <= after)
    });
    let range = page::range(start, count, hits.len());
    let nodes = hits[range.clone()]
        .iter()
        .map(|hit| {
            Ok(Edge {
                node: node(scope, text, hit)?,
                cursor: cursor::of("search", &key(scope, hit)),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Connection {
        edges: nodes,
        has_next: range.end < hits.len(),
        has_previous: range.start > 0,
        total: page::Total::Count(hits.len()),
    })
}

fn node(scope: &Scope, text: &str, hit: &engine::SearchHit) -> Result<SearchHit> {
    let index = match &hit.entity {
        engine::SearchEntity::Domain(name) => {
            return Ok(SearchHit {
                matched: format!("name: {name}"),
                entity: SearchEntity::Domain(Domain(Arc::clone(name))),
            });
        }
        engine::SearchEntity::Asset(index) => *index,
    };
    let asset = scope.view.asset(index);
    let asset = asset.ok_or_else(|| internal(&"a hit is not in the graph"))?;
    let is_in_name = asset
        .name
        .to_lowercase()
        .contains(&text.trim().to_lowercase());
    let matched = if is_in_name {
        format!("name: {}", asset.name)
    } else {
        format!("namespace and name: {}/{}", asset.namespace, asset.name)
    };
    Ok(SearchHit {
        entity: match Asset::new(scope, index)? {
            Asset::Dataset(dataset) => SearchEntity::Dataset(dataset),
            Asset::Job(job) => SearchEntity::Job(job),
        },
        matched,
    })
}
