//! Ways from one asset or field to another.

use headwater_graph::PathsOptions;
use headwater_model::AssetIndex;
use headwater_record::Str;

use crate::ask::view::View;
use crate::ask::walks::{Completeness, Granularity, Root, cut};

/// A question for ways from one asset or field to another.
pub struct PathsQuestion<'a> {
    /// Where they start.
    pub from: Root,
    /// Where they end.
    pub to: Root,
    /// What is walked.
    pub granularity: Granularity,
    /// The most ways.
    pub ways_max: usize,
    /// The most beginnings of ways that are looked at.
    pub steps_max: usize,
    /// Asked now and then; true ends the search as a timeout.
    pub is_over: &'a dyn Fn() -> bool,
}

/// One way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathView {
    /// The assets on it, both ends included, jobs too.
    pub assets: Vec<AssetIndex>,
    /// The fields on it, if fields were walked: dataset and name.
    pub fields: Vec<(AssetIndex, Str)>,
}

/// Ways, the shortest first.
pub struct PathsAnswer {
    /// The ways: fewest hops first, then by name.
    pub paths: Vec<PathView>,
    /// What the answer leaves out.
    pub completeness: Completeness,
}

impl View {
    /// Simple ways from one asset or field to another.
    pub fn paths(&self, question: &PathsQuestion<'_>) -> PathsAnswer {
        let root = |root: &Root| match question.granularity {
            Granularity::Dataset => headwater_graph::FieldRoot::Asset(root.asset),
            Granularity::Field => self.field_root(root),
        };
        let options = PathsOptions {
            ways_max: question.ways_max,
            steps_max: question.steps_max,
            by_fields: question.granularity == Granularity::Field,
        };
        let found = self
            .graph()
            .paths(root(&question.from), root(&question.to), &options, |_| {
                (question.is_over)()
            });
        let paths: Vec<PathView> = found
            .ways
            .into_iter()
            .map(|way| PathView {
                assets: way.assets,
                fields: way
                    .fields
                    .into_iter()
                    .filter_map(|field| {
                        let field = self.graph().field(field)?;
                        Some((field.dataset, field.name?.into()))
                    })
                    .collect(),
            })
            .collect();
        let ends = [question.from.asset, question.to.asset];
        let mut visited: Vec<AssetIndex> = ends
            .into_iter()
            .chain(paths.iter().flat_map(|path| path.assets.iter().copied()))
            .collect();
        visited.sort_unstable();
        visited.dedup();
        let on_paths = |asset: &&AssetIndex| visited.binary_search(asset).is_ok();
        let without_fields_count = found.without_fields.iter().filter(on_paths).count();
        let cut_by = found.cut_by.map(cut).into_iter().collect();
        let completeness = Completeness {
            without_fields_count,
            ..self.completeness(visited.iter().copied(), cut_by, Vec::new())
        };
        PathsAnswer {
            paths,
            completeness,
        }
    }
}
