//! Domains, and how data flows between them.

use std::collections::BTreeSet;

use headwater_model::{AssetIndex, AssetKind, EdgeKind, Mesh};
use headwater_record::Str;

use crate::ask::filter::{AssetFilter, is_shown};
use crate::ask::view::{EdgeView, View};
use crate::sources::SourceState;

/// A domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainView {
    /// Its name.
    pub name: Str,
    /// For a person to read.
    pub description: Option<Str>,
    /// Who owns it.
    pub owners: Vec<Str>,
}

/// Data that flows from one domain into another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainLinkView {
    /// The domain whose data flows.
    pub from: Str,
    /// The domain that it flows into.
    pub to: Str,
    /// Steps from a dataset of the one to a dataset of the other.
    pub dataset_edges_count: u64,
    /// Edges from a field of the one to a field of the other, or to or from a whole dataset.
    pub field_edges_count: u64,
    /// How many of the steps leave a published output port.
    pub through_ports_count: u64,
    /// How many of them go round it.
    pub around_ports_count: u64,
}

/// A step from a dataset of one domain to a dataset of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrossingView {
    /// The step: a DERIVES edge, or the way through a job into an output whose origins are not stated.
    pub edge: EdgeView,
    /// True if it leaves a published output port.
    pub is_through_port: bool,
}

impl View {
    /// Domains that the mesh file describes, that a source submits for, or that own an asset.
    pub(crate) fn domain_names(&self) -> BTreeSet<Str> {
        let described = self
            .mesh()
            .domains()
            .iter()
            .map(|domain| domain.name.as_str().into());
        let submitting = self.shared.sources.all().into_iter();
        described
            .chain(submitting.map(|source| source.key.domain.as_str().into()))
            .collect()
    }

    /// All domains, by name. One that nothing was submitted for exists if the mesh file describes it.
    pub fn domains(&self) -> Vec<DomainView> {
        let names = self.domain_names();
        names
            .into_iter()
            .filter_map(|name| self.domain(&name))
            .collect()
    }

    /// One domain; none if nobody described it and nobody submitted for it.
    pub fn domain(&self, name: &str) -> Option<DomainView> {
        let described = self
            .mesh()
            .domains()
            .iter()
            .find(|domain| domain.name.as_str() == name);
        if let Some(spec) = described {
            return Some(DomainView {
                name: name.into(),
                description: spec.description.clone(),
                owners: spec.owners.clone(),
            });
        }
        self.domain_names().contains(name).then(|| DomainView {
            name: name.into(),
            description: (name == Mesh::UNASSIGNED).then(|| "What no domain claims".into()),
            owners: Vec::new(),
        })
    }

    /// The sources that submit for a domain.
    pub fn sources_of_domain(&self, name: &str) -> Vec<SourceState> {
        let mut sources = self.shared.sources.all();
        sources.retain(|source| source.key.domain.as_str() == name);
        sources.sort_by(|a, b| a.key.cmp(&b.key));
        sources
    }

    /// The datasets of a domain, in the order of their numbers.
    pub fn datasets_of_domain(&self, name: &str, filter: Option<&AssetFilter>) -> Vec<AssetIndex> {
        let Some(domain) = self.shared.words.number(name) else {
            return Vec::new();
        };
        let matcher = filter.map(|filter| self.matcher(filter));
        self.graph()
            .assets()
            .filter(|asset| {
                asset.domain == Some(domain)
                    && asset.kind == AssetKind::Dataset
                    && matcher
                        .as_ref()
                        .map_or_else(|| is_shown(asset), |matcher| matcher.shows(asset))
            })
            .map(|asset| asset.index)
            .collect()
    }

    /// Every step from one domain into another, or only those round (through) its output ports, by the numbers of
    /// their ends.
    pub fn crossings(&self, from: &str, to: &str, around_ports: Option<bool>) -> Vec<CrossingView> {
        let (Some(from), Some(to)) = (self.shared.words.number(from), self.shared.words.number(to))
        else {
            return Vec::new();
        };
        let mut crossings: Vec<CrossingView> = self
            .graph()
            .crossings(from, to)
            .filter(|crossing| around_ports.is_none_or(|around| around != crossing.is_through_port))
            .map(|crossing| CrossingView {
                edge: EdgeView {
                    from: crossing.from,
                    to: crossing.to,
                    kind: EdgeKind::Derives,
                    via: crossing.via,
                },
                is_through_port: crossing.is_through_port,
            })
            .collect();
        crossings.sort_by_key(|crossing| crossing.edge);
        crossings
    }

    /// How data flows between domains, by their names.
    pub fn domain_links(&self) -> Vec<DomainLinkView> {
        let word = |number| self.shared.words.word(number);
        let mut links: Vec<DomainLinkView> = self
            .published
            .domain_links()
            .iter()
            .filter_map(|link| {
                Some(DomainLinkView {
                    from: word(link.from)?,
                    to: word(link.to)?,
                    dataset_edges_count: link.dataset_edges_count,
                    field_edges_count: link.field_edges_count,
                    through_ports_count: link.through_ports_count,
                    around_ports_count: link.around_ports_count,
                })
            })
            .collect();
        links.sort_by(|a, b| (&a.from, &a.to).cmp(&(&b.from, &b.to)));
        links
    }
}
