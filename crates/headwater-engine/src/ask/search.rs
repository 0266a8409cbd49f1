//! Searching names: domains, data products, assets and fields; exact first, then prefix, then the rest.

use headwater_graph::{AssetFlags, Snapshot as Graph};
use headwater_model::AssetIndex;
use headwater_record::Str;
use headwater_search::{Document, Index, Names, Part, Position, Query, Results};

use crate::AskError;
use crate::ask::filter::{AssetFilter, is_shown};
use crate::ask::products::ProductView;
use crate::ask::view::View;

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchEntity {
    /// A dataset or job.
    Asset(AssetIndex),
    /// A field of a dataset, by name.
    Field(AssetIndex, Str),
    /// A domain, by name.
    Domain(Str),
    /// A data product.
    Product(ProductView),
}

/// One hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchHit {
    /// What was found.
    pub entity: SearchEntity,
    /// The text that matched, and where: name, field, description, alias.
    pub matched: String,
    /// Where the next page begins after it.
    pub place: SearchPlace,
}

/// A place among the hits: the last of domains and products, and the last of assets and fields, up to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchPlace {
    /// A position among domains and products.
    pub word: Option<Vec<u8>>,
    /// A position among assets and fields.
    pub indexed: Option<Vec<u8>>,
}

/// A search.
pub struct SearchQuestion<'a> {
    /// The words.
    pub text: &'a str,
    /// Which assets; domains and data products are found only without.
    pub filter: Option<AssetFilter>,
    /// The most hits.
    pub hits_max: usize,
    /// Where an earlier page ended.
    pub after: SearchPlace,
    /// Asked now and then; true ends the search.
    pub is_over: &'a dyn Fn() -> bool,
}

/// A page of hits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchAnswer {
    /// The hits, best first.
    pub hits: Vec<SearchHit>,
    /// How many there are on all pages; at least so many where a limit ended the counting.
    pub total_count: u64,
    /// True if there are more.
    pub has_more: bool,
}

/// Names as the index was told them.
struct GraphNames<'a>(&'a Graph);

impl Names for GraphNames<'_> {
    fn names(&self, key: u32) -> Option<(&str, &str)> {
        let asset = self.0.asset(AssetIndex::new(key))?;
        Some((asset.namespace, asset.name))
    }
}

/// What the index over the graph's names leaves out: domains and data products, which are few, or assets that nobody
/// asserts any more. With an index over their names.
pub(crate) struct Catalogue {
    entities: Vec<(SearchEntity, String)>,
    index: Index,
}

impl Catalogue {
    fn new(entities: Vec<(SearchEntity, String)>) -> Self {
        let documents = entities.iter().enumerate().map(|(key, (_, name))| {
            let document = Document {
                name,
                ..Document::default()
            };
            (key as u32, Some(document))
        });
        let index = Index::new().apply(documents);
        Self { entities, index }
    }
}

impl Names for Catalogue {
    fn names(&self, key: u32) -> Option<(&str, &str)> {
        Some(("", &self.entities.get(key as usize)?.1))
    }
}

/// What begins the quotation of a description.
const DESCRIPTION: &str = "description: ";

impl View {
    /// A page of what `question` finds.
    ///
    /// # Errors
    /// [`AskError::Invalid`] if the text is too long or has too many words.
    pub fn search(&self, question: &SearchQuestion<'_>) -> Result<SearchAnswer, AskError> {
        let text = question.text.trim();
        if text.is_empty() {
            return Ok(SearchAnswer::default());
        }
        let first = u32::try_from(question.hits_max).unwrap_or(u32::MAX);
        let query =
            Query::parse(text, first).map_err(|error| AskError::Invalid(error.to_string()))?;
        let position = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(Position::from_bytes);
        let catalogue = match &question.filter {
            Some(filter) if filter.include_retired => {
                self.published.retired(|| self.list_retired())
            }
            _ => self.published.catalogue(|| self.list_catalogue()),
        };
        let of_words = query.clone().after(position(&question.after.word));
        let mut words = match &question.filter {
            None => catalogue.index.search(&of_words, catalogue, None),
            Some(filter) if filter.include_retired => {
                let matcher = self.matcher(filter);
                let accepts = |key: u32| {
                    let entity = catalogue
                        .entities
                        .get(key as usize)
                        .map(|(entity, _)| entity);
                    match entity {
                        Some(SearchEntity::Asset(asset)) => self.is_match(&matcher, *asset),
                        _ => false,
                    }
                };
                catalogue.index.search(&of_words, catalogue, Some(&accepts))
            }
            Some(_) => Results::default(),
        };
        let mut indexed = self.indexed_like(question, &query, position(&question.after.indexed));
        let mut named = words.hits.drain(..).peekable();
        let mut hits = indexed.hits.drain(..).peekable();
        let mut place = question.after.clone();
        let mut found = Vec::new();
        while found.len() < question.hits_max {
            let is_word = match (named.peek(), hits.peek()) {
                (Some(word), Some(hit)) => word.tier() <= hit.tier(),
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => break,
            };
            let Some(hit) = (if is_word { named.next() } else { hits.next() }) else {
                break;
            };
            let position = Some(hit.position.to_bytes());
            let (entity, matched) = if is_word {
                place.word = position;
                let (entity, name) = catalogue.entities[hit.key as usize].clone();
                (entity, format!("name: {name}"))
            } else {
                place.indexed = position;
                self.of_index(hit.key, hit.part)
            };
            found.push(SearchHit {
                entity,
                matched,
                place: place.clone(),
            });
        }
        self.quote_descriptions(&mut found);
        let is_rest = named.peek().is_some() || hits.peek().is_some();
        drop((named, hits));
        let has_more = is_rest || words.has_more || indexed.has_more;
        Ok(SearchAnswer {
            has_more: has_more && !found.is_empty(),
            hits: found,
            total_count: words.total_count + indexed.total_count,
        })
    }

    /// Puts in the descriptions in which something matched. One that can't be read is left out.
    fn quote_descriptions(&self, hits: &mut [SearchHit]) {
        let described = |hit: &SearchHit| match hit.entity {
            SearchEntity::Asset(asset) if hit.matched == DESCRIPTION => Some(asset),
            _ => None,
        };
        let assets: Vec<AssetIndex> = hits.iter().filter_map(described).collect();
        let mut details = self.details_many(&assets).unwrap_or_default().into_iter();
        for hit in hits.iter_mut().filter(|hit| described(hit).is_some()) {
            let text = details.next().and_then(|details| details.description);
            hit.matched.push_str(text.as_deref().unwrap_or_default());
        }
    }

    fn list_catalogue(&self) -> Catalogue {
        let domains = self.domain_names().into_iter().map(|name| {
            let text = name.to_string();
            (SearchEntity::Domain(name), text)
        });
        let products = self.all_products().into_iter().map(|product| {
            let text = product.name.to_string();
            (SearchEntity::Product(product), text)
        });
        Catalogue::new(domains.chain(products).collect())
    }

    fn list_retired(&self) -> Catalogue {
        let retired = self.graph().assets().filter(|asset| {
            asset.canonical == asset.index && asset.flags.contains(AssetFlags::RETIRED)
        });
        let named = retired.map(|asset| (SearchEntity::Asset(asset.index), asset.name.to_owned()));
        Catalogue::new(named.collect())
    }

    fn indexed_like(
        &self,
        question: &SearchQuestion<'_>,
        query: &Query,
        after: Option<Position>,
    ) -> Results {
        let names = GraphNames(self.graph());
        let matcher = question.filter.as_ref().map(|filter| self.matcher(filter));
        let accepts = |key: u32| {
            self.graph()
                .asset(AssetIndex::new(key))
                .is_some_and(|asset| match &matcher {
                    Some(matcher) => matcher.shows(&asset),
                    None => is_shown(&asset),
                })
        };
        let filter = matcher
            .is_some()
            .then_some(&accepts as &dyn Fn(u32) -> bool);
        let index = &self.published.index;
        let mut results = index.search(&query.clone().after(after), &names, filter);
        // A filter that accepts little cuts pages short: go on where the last one ended.
        while results.hits.len() < question.hits_max
            && let Some(cut_at) = results.cut_at.take()
            && !(question.is_over)()
        {
            let more = index.search(&query.clone().after(Some(cut_at)), &names, filter);
            results.hits.extend(more.hits);
            results.has_more = more.has_more;
            results.cut_at = more.cut_at;
        }
        results
    }

    fn of_index(&self, key: u32, part: Part) -> (SearchEntity, String) {
        let asset = AssetIndex::new(key);
        let summary = self.asset(asset);
        let (namespace, name) = summary.map_or(("", ""), |asset| (asset.namespace, asset.name));
        match part {
            Part::Name => (SearchEntity::Asset(asset), format!("name: {name}")),
            Part::Alias(alias) => (SearchEntity::Asset(asset), format!("alias: {alias}")),
            Part::Namespace => (
                SearchEntity::Asset(asset),
                format!("namespace and name: {namespace}/{name}"),
            ),
            // It is read for all hits at once.
            Part::Description => (SearchEntity::Asset(asset), DESCRIPTION.to_owned()),
            Part::Field(field) => {
                let matched = format!("field: {field}");
                (SearchEntity::Field(asset, field.into()), matched)
            }
        }
    }
}
