//! Which catalog and which results belong to which manifest.

use headwater_extractor::{Diagnostic, Severity};
use rustc_hash::FxHashSet;

use crate::artifact::{Content, Kind, Metadata, Reading};
use crate::catalog::Catalog;
use crate::freshness::Freshness;
use crate::manifest::Manifest;
use crate::place::{Places, diagnostic};
use crate::run_results::RunResults;
use crate::text::Text;

/// An artifact's content under its name.
#[derive(Debug)]
pub(crate) struct Artifact<'a, T> {
    pub(crate) name: &'a str,
    pub(crate) content: T,
    /// When dbt wrote it, in epoch milliseconds.
    pub(crate) generated: Option<i64>,
}

/// What dbt wrote about what it did and found, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Results<'a> {
    pub(crate) catalogs: Vec<Artifact<'a, Catalog<'a>>>,
    pub(crate) runs: Vec<Artifact<'a, RunResults<'a>>>,
    pub(crate) freshness: Vec<Artifact<'a, Freshness<'a>>>,
}

/// A manifest and what belongs to it.
#[derive(Debug)]
pub(crate) struct Project<'a> {
    pub(crate) manifest: Artifact<'a, Box<Manifest<'a>>>,
    /// The ids of nodes that could not be read.
    pub(crate) damaged: Vec<Text<'a>>,
    pub(crate) results: Results<'a>,
}

/// All artifacts of a submission.
#[derive(Debug, Default)]
pub(crate) struct Bundle<'a> {
    pub(crate) projects: Vec<Project<'a>>,
    /// What came without any manifest.
    pub(crate) alone: Results<'a>,
}

impl<'a> Bundle<'a> {
    /// Puts each artifact with its manifest, and reports where that is not by their invocation.
    pub(crate) fn new(
        readings: Vec<(Reading<'a>, Option<i64>)>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut bundle = Self::default();
        let mut others = Vec::new();
        for (reading, generated) in readings {
            let (name, damaged) = (reading.artifact, reading.damaged);
            match reading.content {
                Content::Manifest(content) => bundle.projects.push(Project {
                    manifest: Artifact {
                        name,
                        content,
                        generated,
                    },
                    damaged,
                    results: Results::default(),
                }),
                other => others.push((name, other, generated)),
            }
        }
        others.sort_by_key(|(_, _, generated)| *generated);
        let mut matching = Matching::new(&bundle.projects);
        let places: Vec<_> = others
            .iter()
            .map(|(name, content, _)| matching.find(name, content))
            .collect();
        for ((name, content, generated), place) in others.into_iter().zip(places) {
            let (project, found) = place;
            diagnostics.extend(found);
            let results = match project {
                Place::Project(position) => &mut bundle.projects[position].results,
                Place::Alone => &mut bundle.alone,
                Place::Nowhere => continue,
            };
            results.add(name, content, generated);
        }
        bundle
    }

    /// When the newest of the artifacts was written, in epoch milliseconds.
    pub(crate) fn generated(&self) -> Option<i64> {
        let manifests = self
            .projects
            .iter()
            .map(|project| project.manifest.generated);
        let results = self.projects.iter().map(|project| &project.results);
        let results = results.chain([&self.alone]).map(Results::generated);
        manifests.chain(results).flatten().max()
    }
}

impl<'a> Results<'a> {
    fn generated(&self) -> Option<i64> {
        let catalogs = self.catalogs.iter().map(|artifact| artifact.generated);
        let runs = self.runs.iter().map(|artifact| artifact.generated);
        let freshness = self.freshness.iter().map(|artifact| artifact.generated);
        catalogs.chain(runs).chain(freshness).flatten().max()
    }

    fn add(&mut self, name: &'a str, content: Content<'a>, generated: Option<i64>) {
        match content {
            Content::Manifest(_) => {}
            Content::Catalog(content) => self.catalogs.push(Artifact {
                name,
                content,
                generated,
            }),
            Content::RunResults(content) => self.runs.push(Artifact {
                name,
                content,
                generated,
            }),
            Content::Sources(content) => self.freshness.push(Artifact {
                name,
                content,
                generated,
            }),
        }
    }
}

enum Place {
    Project(usize),
    Alone,
    Nowhere,
}

/// Finds the manifest of an artifact.
struct Matching<'p, 'a> {
    projects: &'p [Project<'a>],
    /// The ids of each project, once they are needed.
    ids: Option<Vec<FxHashSet<&'p str>>>,
}

impl<'p, 'a> Matching<'p, 'a> {
    fn new(projects: &'p [Project<'a>]) -> Self {
        Self {
            projects,
            ids: None,
        }
    }

    /// The manifest of the same invocation, else the one that knows most of the ids; of several
    /// the one in the same folder.
    fn find(&mut self, name: &str, content: &Content) -> (Place, Option<Diagnostic>) {
        if self.projects.is_empty() {
            return (Place::Alone, None);
        }
        let invocation = invocation(content.metadata());
        let is_same = |project: &Project| {
            invocation.is_some()
                && self::invocation(&project.manifest.content.metadata) == invocation
        };
        if let Some(position) = self.projects.iter().position(is_same) {
            return (Place::Project(position), None);
        }
        let ids = ids(content);
        let candidates = self.knowing_most(&ids);
        let folder = |name: &str| name.rsplit_once('/').map(|(folder, _)| folder.to_owned());
        let is_beside =
            |position: &&usize| folder(self.projects[**position].manifest.name) == folder(name);
        let beside: Vec<_> = candidates.iter().filter(is_beside).copied().collect();
        let invocation = invocation.map_or("no invocation".to_owned(), |invocation| {
            format!("invocation {invocation}")
        });
        let at = Places::pointer(name, "/metadata/invocation_id".into());
        match (&*candidates, &*beside) {
            ([position], _) | ([_, _, ..], [position]) => {
                let manifest = &self.projects[*position].manifest;
                let of = self::invocation(&manifest.content.metadata).unwrap_or("none");
                let message = format!(
                    "it is of {invocation} and is read with {}, which knows its nodes but is of invocation {of}",
                    manifest.name
                );
                let found = diagnostic(Severity::Info, "dbt/other-invocation", message, Some(at));
                (Place::Project(*position), Some(found))
            }
            ([], _) => {
                let message = format!(
                    "it is left out: it is of {invocation}, and no manifest here knows any of its {} nodes",
                    ids.len()
                );
                let code = "dbt/unrelated-artifact";
                let found = diagnostic(Severity::Warning, code, message, Some(at));
                (Place::Nowhere, Some(found))
            }
            (several, _) => {
                let names: Vec<_> = several
                    .iter()
                    .map(|position| self.projects[*position].manifest.name)
                    .collect();
                let message = format!(
                    "it is left out: it is of {invocation}, and {} know its nodes equally well",
                    names.join(", ")
                );
                let code = "dbt/ambiguous-manifest";
                let found = diagnostic(Severity::Error, code, message, Some(at));
                (Place::Nowhere, Some(found))
            }
        }
    }

    /// The projects that know most of `ids`; all of them for no ids.
    fn knowing_most(&mut self, ids: &[&str]) -> Vec<usize> {
        let projects = self.projects;
        let known = self.ids.get_or_insert_with(|| {
            let ids = projects
                .iter()
                .map(|project| project.manifest.content.ids());
            ids.map(Iterator::collect).collect()
        });
        let counts: Vec<usize> = known
            .iter()
            .map(|known| ids.iter().filter(|id| known.contains(**id)).count())
            .collect();
        let most = counts.iter().copied().max().unwrap_or_default();
        if most == 0 && !ids.is_empty() {
            return Vec::new();
        }
        (0..counts.len())
            .filter(|position| counts[*position] == most)
            .collect()
    }
}

fn invocation<'m>(metadata: &'m Metadata) -> Option<&'m str> {
    metadata
        .invocation_id
        .as_deref()
        .filter(|id| !id.is_empty())
}

fn ids<'c>(content: &'c Content) -> Vec<&'c str> {
    match content {
        Content::Manifest(manifest) => manifest.ids().collect(),
        Content::Catalog(catalog) => catalog.tables().map(|(_, id, _)| &**id).collect(),
        Content::RunResults(runs) => {
            let results = runs.results.iter();
            results
                .filter_map(|result| result.unique_id.as_deref())
                .collect()
        }
        Content::Sources(freshness) => {
            let results = freshness.results.iter();
            results
                .filter_map(|result| result.unique_id.as_deref())
                .collect()
        }
    }
}

impl Kind {
    /// Every file that is looked for in a folder.
    pub(crate) fn globs() -> impl Iterator<Item = String> {
        Self::ALL
            .into_iter()
            .map(|kind| format!("**/{}", kind.file_name()))
    }
}
