//! Searching names: exact first, then prefix, then the rest.

use headwater_model::AssetIndex;
use headwater_record::Str;

use crate::ask::filter::{AssetFilter, is_shown};
use crate::ask::view::View;
use crate::reference::last_segment;

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchEntity {
    /// A dataset or job.
    Asset(AssetIndex),
    /// A domain, by name.
    Domain(Str),
}

/// One hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchHit {
    /// What was found.
    pub entity: SearchEntity,
    /// How well: 0 the whole name, 1 its last segment, 2 its beginning, 3 the last segment's beginning, 4 a part.
    pub rank: u8,
}

fn rank(name: &str, text: &str) -> Option<u8> {
    let segment = last_segment(name);
    Some(match () {
        () if name == text => 0,
        () if segment == text => 1,
        () if name.starts_with(text) => 2,
        () if segment.starts_with(text) => 3,
        () if name.contains(text) => 4,
        () => return None,
    })
}

impl View {
    /// Everything whose name has `text` in it, whatever its case: by rank, then by name.
    pub fn search(&self, text: &str, filter: Option<&AssetFilter>) -> Vec<SearchHit> {
        let text = text.trim().to_lowercase();
        if text.is_empty() {
            return Vec::new();
        }
        let mut hits: Vec<(u8, String, SearchEntity)> = Vec::new();
        if filter.is_none() {
            for domain in self.domain_names() {
                if let Some(rank) = rank(&domain.to_lowercase(), &text) {
                    hits.push((rank, domain.to_string(), SearchEntity::Domain(domain)));
                }
            }
        }
        let matcher = filter.map(|filter| self.matcher(filter));
        for asset in self.graph().assets() {
            if !is_shown(&asset) || matcher.as_ref().is_some_and(|m| !m.matches(&asset)) {
                continue;
            }
            let name = asset.name.to_lowercase();
            let found = rank(&name, &text).or_else(|| {
                let whole = format!("{}/{name}", asset.namespace.to_lowercase());
                whole.contains(&text).then_some(4)
            });
            if let Some(rank) = found {
                hits.push((
                    rank,
                    asset.name.to_owned(),
                    SearchEntity::Asset(asset.index),
                ));
            }
        }
        hits.sort_by(|a, b| (a.0, a.1.len(), &a.1).cmp(&(b.0, b.1.len(), &b.1)));
        hits.into_iter()
            .map(|(rank, _, entity)| SearchHit { entity, rank })
            .collect()
    }
}
