//! Choosing assets by what the graph's columns say.

use headwater_graph::{Asset, AssetFlags};
use headwater_model::AssetIndex;

use crate::apply::{product_of_word, word_of_product};
use crate::ask::view::View;

/// Which assets; an absent part chooses all. Within a part any value will do, and every part must agree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetFilter {
    /// Names of domains.
    pub domains: Option<Vec<String>>,
    /// Names of data products.
    pub data_products: Option<Vec<String>>,
    /// Names of owners.
    pub owners: Option<Vec<String>>,
    /// Tags.
    pub tags: Option<Vec<String>>,
    /// `TABLE`, `MODEL`, …
    pub types: Option<Vec<String>>,
    /// Namespaces, exactly.
    pub namespaces: Option<Vec<String>>,
    /// Part of the name, whatever its case.
    pub text: Option<String>,
    /// Assets that nobody asserts any more too.
    pub include_retired: bool,
}

/// A filter whose words are numbers.
pub(crate) struct Matcher {
    domains: Option<Vec<u32>>,
    data_products: Option<Vec<u32>>,
    owners: Option<Vec<u32>>,
    tags: Option<Vec<u32>>,
    types: Option<Vec<String>>,
    namespaces: Option<Vec<String>>,
    text: Option<String>,
    include_retired: bool,
}

impl Matcher {
    /// True for an asset that is listed and that matches.
    pub(crate) fn shows(&self, asset: &Asset<'_>) -> bool {
        let is_listed = is_shown(asset) || self.include_retired && asset.canonical == asset.index;
        is_listed && self.matches(asset)
    }

    pub(crate) fn matches(&self, asset: &Asset<'_>) -> bool {
        let any = |wanted: &Option<Vec<u32>>, has: &[u32]| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted.iter().any(|number| has.contains(number)))
        };
        let is = |wanted: &Option<Vec<String>>, has: &str| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted.iter().any(|text| text == has))
        };
        self.domains
            .as_ref()
            .is_none_or(|wanted| asset.domain.is_some_and(|d| wanted.contains(&d)))
            && any(&self.data_products, asset.tags)
            && any(&self.owners, asset.owners)
            && any(&self.tags, asset.tags)
            && is(&self.types, asset.asset_type)
            && is(&self.namespaces, asset.namespace)
            && self
                .text
                .as_ref()
                .is_none_or(|text| asset.name.to_lowercase().contains(text))
    }
}

impl View {
    pub(crate) fn matcher(&self, filter: &AssetFilter) -> Matcher {
        let numbers = |words: &Option<Vec<String>>| {
            words.as_ref().map(|words| {
                words
                    .iter()
                    .filter_map(|word| self.shared.words.number(word))
                    .collect()
            })
        };
        let tags = filter.tags.as_ref().map(|tags| {
            let tags = tags.iter().filter(|tag| product_of_word(tag).is_none());
            tags.cloned().collect()
        });
        let products = filter.data_products.as_ref().map(|names| {
            let words = names.iter().map(|name| word_of_product(name));
            words.collect()
        });
        Matcher {
            domains: numbers(&filter.domains),
            data_products: numbers(&products),
            owners: numbers(&filter.owners),
            tags: numbers(&tags),
            types: filter.types.clone(),
            namespaces: filter.namespaces.clone(),
            text: filter.text.as_ref().map(|text| text.to_lowercase()),
            include_retired: filter.include_retired,
        }
    }

    pub(crate) fn is_match(&self, matcher: &Matcher, index: AssetIndex) -> bool {
        self.graph()
            .asset(index)
            .is_some_and(|asset| matcher.matches(&asset))
    }
}

/// True for an asset that stands for itself and that somebody says exists.
pub(crate) fn is_shown(asset: &Asset<'_>) -> bool {
    asset.canonical == asset.index && !asset.flags.contains(AssetFlags::RETIRED)
}
