//! Data products: what datasets say that they belong to.

use std::collections::{BTreeMap, BTreeSet};

use headwater_graph::{Asset, AssetFlags};
use headwater_model::{AssetIndex, AssetKind, Digest};
use headwater_record::Str;

use crate::AskError;
use crate::apply::product_of_word;
use crate::ask::details::OwnerView;
use crate::ask::filter::is_shown;
use crate::ask::view::{NodeRef, View};

/// A data product: the datasets of one domain that name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProductView {
    /// The domain of its datasets.
    pub domain: Str,
    /// Its name, which means something within that domain.
    pub name: Str,
}

/// What is said of a data product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProductDetails {
    /// For a person to read.
    pub description: Option<Str>,
    /// Who owns any of its datasets.
    pub owners: BTreeSet<OwnerView>,
}

impl View {
    /// The data product that a dataset belongs to; of several, the first by name. One whose domain is unknown belongs to
    /// none.
    pub fn product_of(&self, dataset: AssetIndex) -> Option<ProductView> {
        let dataset = self.graph().canonical(dataset)?;
        let asset = self.graph().asset(dataset)?;
        self.products_named(&asset).pop_first()
    }

    fn products_named(&self, asset: &Asset<'_>) -> BTreeSet<ProductView> {
        let words = &self.shared.words;
        let domain = asset.domain.and_then(|number| words.word(number));
        let Some(domain) = domain.filter(|_| asset.kind == AssetKind::Dataset) else {
            return BTreeSet::new();
        };
        let names = asset.tags.iter().filter_map(|tag| words.word(*tag));
        names
            .filter_map(|word| {
                Some(ProductView {
                    domain: domain.clone(),
                    name: product_of_word(&word)?.into(),
                })
            })
            .collect()
    }

    /// All data products, by domain and name.
    pub(crate) fn all_products(&self) -> BTreeSet<ProductView> {
        let shown = self.graph().assets().filter(is_shown);
        shown
            .flat_map(|asset| self.products_named(&asset))
            .collect()
    }

    /// The data products of a domain, by name.
    pub fn products_of_domain(&self, domain: &str) -> Vec<ProductView> {
        let Some(number) = self.shared.words.number(domain) else {
            return Vec::new();
        };
        let of_domain = |asset: &Asset<'_>| asset.domain == Some(number) && is_shown(asset);
        let datasets = self.graph().assets().filter(of_domain);
        let named: BTreeSet<ProductView> = datasets
            .flat_map(|asset| self.products_named(&asset))
            .collect();
        named.into_iter().collect()
    }

    /// The datasets of a data product, or only its output ports, by number.
    pub fn datasets_of_product(
        &self,
        product: &ProductView,
        is_of_ports_alone: bool,
    ) -> Vec<AssetIndex> {
        let Some(domain) = self.shared.words.number(&product.domain) else {
            return Vec::new();
        };
        let datasets = self.graph().assets().filter(|asset| {
            asset.domain == Some(domain)
                && is_shown(asset)
                && (!is_of_ports_alone || asset.flags.contains(AssetFlags::OUTPUT_PORT))
                && self.products_named(asset).contains(product)
        });
        datasets.map(|asset| asset.index).collect()
    }

    /// What is said of each of `products`. How often the state is called does not depend on how many there are.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn product_details(
        &self,
        products: &[ProductView],
    ) -> Result<Vec<ProductDetails>, AskError> {
        let mut found: BTreeMap<&ProductView, ProductDetails> = products
            .iter()
            .map(|product| (product, ProductDetails::default()))
            .collect();
        let (mut datasets, mut of_dataset) = (Vec::new(), Vec::new());
        for asset in self.graph().assets().filter(is_shown) {
            let mut named = self.products_named(&asset);
            named.retain(|product| found.contains_key(product));
            if !named.is_empty() {
                datasets.push(asset.index);
                of_dataset.push(named);
            }
        }
        for (named, details) in of_dataset.into_iter().zip(self.details_many(&datasets)?) {
            for product in &named {
                let of_product = found
                    .get_mut(product)
                    .expect("only products that are asked for are kept");
                if of_product.description.is_none() {
                    of_product
                        .description
                        .clone_from(&details.product_description);
                }
                of_product.owners.extend(details.owners.iter().cloned());
            }
        }
        Ok(products
            .iter()
            .map(|product| found.get(product).cloned().unwrap_or_default())
            .collect())
    }

    /// The public id of a data product: its domain, and a digest of its name.
    pub fn product_id(&self, product: &ProductView) -> String {
        let digest = Digest::of(product.name.as_bytes()).to_string();
        format!("dp_{}~{}", product.domain, &digest[..16])
    }

    pub(crate) fn product_by_id(&self, id: &str) -> Option<NodeRef> {
        let (domain, _) = id.strip_prefix("dp_")?.rsplit_once('~')?;
        let products = self.products_of_domain(domain).into_iter();
        products
            .filter(|product| self.product_id(product) == *id)
            .map(NodeRef::Product)
            .next()
    }

    /// Datasets that something reads or writes and that no source declares, by number: all, or those that a domain
    /// claims or its sources mention.
    pub fn unresolved(&self, domain: Option<&str>) -> Vec<AssetIndex> {
        let number = domain.map(|domain| self.shared.words.number(domain));
        let sources: BTreeSet<u32> = domain.map_or_else(BTreeSet::new, |domain| {
            let of_domain = self.sources_of_domain(domain).into_iter();
            of_domain.map(|source| source.number).collect()
        });
        let concerns = |asset: &Asset<'_>| match number {
            None => true,
            Some(number) => {
                (number.is_some() && asset.domain == number)
                    || asset.sources.iter().any(|s| sources.contains(&(s / 2)))
            }
        };
        let unresolved = self.graph().assets().filter(|asset| {
            asset.flags.contains(AssetFlags::UNRESOLVED) && is_shown(asset) && concerns(asset)
        });
        unresolved.map(|asset| asset.index).collect()
    }

    /// Assets that a filter chooses, or all, by number.
    pub fn assets(&self, filter: Option<&crate::AssetFilter>) -> Vec<AssetIndex> {
        let matcher = filter.map(|filter| self.matcher(filter));
        let chosen = self.graph().assets().filter(|asset| {
            matcher
                .as_ref()
                .map_or_else(|| is_shown(asset), |matcher| matcher.shows(asset))
        });
        chosen.map(|asset| asset.index).collect()
    }
}
