//! Searching names: domains, data products, assets and fields; exact first, then prefix, then the rest.

use headwater_graph::Snapshot as Graph;
use headwater_model::AssetIndex;
use headwater_record::Str;
use headwater_search::{Names, Part, Position, Query, Results, Tier};

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

/// A place among the hits: the last of the words (domains and products) and the last of the index before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchPlace {
    /// Rank, kind and name of a domain or product.
    pub word: Option<(u8, bool, String)>,
    /// A position of the index.
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

/// How well a word matches: as the index ranks names.
fn rank(word: &str, text: &str) -> Option<Tier> {
    let (word, text) = (word.to_lowercase(), text.to_lowercase());
    Some(match () {
        () if word == text => Tier::Whole,
        () if word.starts_with(&text) => Tier::Beginning,
        () if word.contains(&text) => Tier::Words,
        () => return None,
    })
}

type Word = ((u8, bool, String), SearchEntity);

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
        let words = match &question.filter {
            None => self.words_like(text),
            Some(_) => Vec::new(),
        };
        let after = question.after.indexed.as_deref();
        let mut indexed =
            self.indexed_like(question, text, after.and_then(Position::from_bytes))?;
        let words_count = words.len() as u64;
        let mut words = words
            .into_iter()
            .filter(|(key, _)| question.after.word.as_ref().is_none_or(|last| key > last))
            .peekable();
        let mut hits = indexed.hits.drain(..).peekable();
        let mut place = question.after.clone();
        let mut found = Vec::new();
        while found.len() < question.hits_max {
            let word_first = match (words.peek(), hits.peek()) {
                (Some(((rank, ..), _)), Some(hit)) => *rank <= hit.tier() as u8,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => break,
            };
            let (entity, matched) = if word_first {
                let Some((key, entity)) = words.next() else {
                    break;
                };
                let matched = format!("name: {}", key.2);
                place.word = Some(key);
                (entity, matched)
            } else {
                let Some(hit) = hits.next() else { break };
                place.indexed = Some(hit.position.to_bytes());
                self.of_index(hit.key, hit.part)
            };
            found.push(SearchHit {
                entity,
                matched,
                place: place.clone(),
            });
        }
        let has_more = words.peek().is_some() || hits.peek().is_some() || indexed.has_more;
        drop(hits);
        Ok(SearchAnswer {
            has_more: has_more && !found.is_empty(),
            hits: found,
            total_count: words_count + indexed.total_count,
        })
    }

    fn words_like(&self, text: &str) -> Vec<Word> {
        let mut words = Vec::new();
        for domain in self.domain_names() {
            if let Some(rank) = rank(&domain, text) {
                let key = (rank as u8, false, domain.to_string());
                words.push((key, SearchEntity::Domain(domain.clone())));
            }
            for product in self.products_of_domain(&domain) {
                if let Some(rank) = rank(&product.name, text) {
                    let key = (rank as u8, true, format!("{}/{domain}", product.name));
                    words.push((key, SearchEntity::Product(product)));
                }
            }
        }
        words.sort_by(|a, b| a.0.cmp(&b.0));
        words
    }

    fn indexed_like(
        &self,
        question: &SearchQuestion<'_>,
        text: &str,
        after: Option<Position>,
    ) -> Result<Results, AskError> {
        let first = u32::try_from(question.hits_max).unwrap_or(u32::MAX);
        let query =
            Query::parse(text, first).map_err(|error| AskError::Invalid(error.to_string()))?;
        let names = GraphNames(self.graph());
        let matcher = question.filter.as_ref().map(|filter| self.matcher(filter));
        let accepts = |key: u32| {
            self.graph()
                .asset(AssetIndex::new(key))
                .is_some_and(|asset| {
                    is_shown(&asset) && matcher.as_ref().is_none_or(|m| m.matches(&asset))
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
        Ok(results)
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
            Part::Description => {
                let details = self.details(asset).ok();
                let text = details.and_then(|details| details.description);
                let matched = format!("description: {}", text.as_deref().unwrap_or_default());
                (SearchEntity::Asset(asset), matched)
            }
            Part::Field(field) => {
                let matched = format!("field: {field}");
                (SearchEntity::Field(asset, field.into()), matched)
            }
        }
    }
}
