//! Finding assets: by reference, and by a part of their name.

use async_graphql::{Context, Object, Result, SimpleObject, Union};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use headwater_engine as engine;
use headwater_engine::{SearchPlace, SearchQuestion};

use crate::asset::Asset;
use crate::cursor;
use crate::dataset::Dataset;
use crate::domain::Domain;
use crate::error::ask_error;
use crate::field::Field;
use crate::job::Job;
use crate::page::{self, Connection, Edge};
use crate::product::DataProduct;
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
    /// A field of a dataset.
    Field(Field),
    /// A domain.
    Domain(Domain),
    /// A data product.
    DataProduct(DataProduct),
}

/// One hit of a search.
#[derive(SimpleObject)]
pub(crate) struct SearchHit {
    entity: SearchEntity,
    /// The text that matched, and where: name, field, description, alias.
    matched: String,
}

not_quick!(SearchHit);

/// The positions of a hit among domains and products, and among assets and fields.
type Key = (Option<String>, Option<String>);

/// One page of what a search finds.
///
/// # Errors
/// Those of paging arguments and of the text.
pub(crate) fn page(
    scope: &Scope,
    text: &str,
    filter: Option<engine::AssetFilter>,
    (first, after): (Option<i32>, Option<String>),
) -> Result<Connection<SearchHit>> {
    let count = page::count(first, 20, scope.limits.page_max)?;
    let after: Option<Key> = after
        .map(|after| cursor::read("search", &after))
        .transpose()?;
    let has_previous = after.is_some();
    let (word, indexed) = after.unwrap_or_default();
    let answer = scope.view.search(&SearchQuestion {
        text,
        filter,
        hits_max: count,
        after: SearchPlace {
            word: word.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()),
            indexed: indexed.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()),
        },
        is_over: &|| scope.is_over(),
    });
    let answer = answer.map_err(ask_error)?;
    let total = usize::try_from(answer.total_count).unwrap_or(usize::MAX);
    let edges = answer
        .hits
        .into_iter()
        .map(|hit| {
            let text = |bytes: &Vec<u8>| URL_SAFE_NO_PAD.encode(bytes);
            let place = &hit.place;
            let key: Key = (
                place.word.as_ref().map(text),
                place.indexed.as_ref().map(text),
            );
            Ok(Edge {
                cursor: cursor::of("search", &key),
                node: node(scope, hit)?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Connection {
        edges,
        has_next: answer.has_more,
        has_previous,
        total: page::Total::Count(total),
    })
}

fn node(scope: &Scope, hit: engine::SearchHit) -> Result<SearchHit> {
    let entity = match hit.entity {
        engine::SearchEntity::Domain(name) => SearchEntity::Domain(Domain(name)),
        engine::SearchEntity::Product(product) => SearchEntity::DataProduct(DataProduct(product)),
        engine::SearchEntity::Field(dataset, name) => {
            SearchEntity::Field(Field::named(dataset, &name))
        }
        engine::SearchEntity::Asset(index) => match Asset::new(scope, index)? {
            Asset::Dataset(dataset) => SearchEntity::Dataset(dataset),
            Asset::Job(job) => SearchEntity::Job(job),
        },
    };
    Ok(SearchHit {
        entity,
        matched: hit.matched,
    })
}
