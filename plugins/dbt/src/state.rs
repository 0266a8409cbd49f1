//! From a project's artifacts to facts.

mod assets;
mod columns;
mod datasets;
mod fields;
mod jobs;
mod raw;

use std::collections::BTreeSet;

use headwater_extractor::{
    DatasetNode, Diagnostic, EmitError, Emitter, Location, Node, Severity, time,
};
use rustc_hash::FxHashMap;

use crate::bundle::Project;
use crate::catalog::Tables;
use crate::elsewhere::Elsewhere;
use crate::lineage::{Index, Role, Unresolved};
use crate::manifest::{Group, Manifest, Said, is_built};
use crate::naming::{Naming, Settings};
use crate::place::{Places, diagnostic, pointer};
use crate::relations::Relations;
use crate::results::{Described, Findings};
use crate::text::{Members, Text, said};
use jobs::Deferral;

/// States everything that the artifacts of `projects` say.
///
/// What any of them builds is declared before anything is mentioned: one may read what another
/// builds.
pub(crate) fn state<'m>(
    projects: &'m [Project<'m>],
    settings: &Settings,
    elsewhere: &Elsewhere,
    out: &mut Emitter,
) -> Result<(), EmitError> {
    let mut declared = Vec::with_capacity(projects.len());
    for project in projects {
        let mut statement = Statement {
            known: Known::new(project, settings, elsewhere),
            out,
        };
        statement.index_nodes()?;
        declared.push(statement.known);
    }
    let mut findings = Findings::default();
    for known in declared {
        let mut statement = Statement { known, out };
        statement.index_mentions()?;
        statement.index_assets()?;
        let mut jobs = statement.lineage()?;
        statement.asset_lineage(&mut jobs)?;
        let mut unresolved = Vec::new();
        statement.known.index.scan_rest(&mut unresolved);
        statement.report(&mut unresolved)?;
        let Statement { known, out } = statement;
        let results = Described {
            manifest: known.manifest,
            index: &known.index,
            tables: &known.tables,
            jobs: &jobs,
            folds_columns: known.naming.folds_columns(),
        };
        results.state(&known.project.results, &mut findings, out)?;
        for found in known.naming.diagnostics(known.artifact) {
            out.diagnose(found)?;
        }
    }
    findings.state(out)
}

/// What is known of a project while it is stated.
struct Known<'s, 'm> {
    project: &'m Project<'m>,
    artifact: &'m str,
    manifest: &'m Manifest<'m>,
    naming: Naming<'s>,
    groups: FxHashMap<&'m str, Vec<&'m Group<'m>>>,
    index: Index<'m>,
    tables: Tables<'m>,
    /// What compiled SQL may name.
    relations: Relations,
    /// Columns that others have stated.
    elsewhere: &'s Elsewhere,
    /// What may be read from another environment.
    deferrals: FxHashMap<DatasetNode, Deferral<'m>>,
}

impl<'s, 'm> Known<'s, 'm> {
    fn new(project: &'m Project<'m>, settings: &'s Settings, elsewhere: &'s Elsewhere) -> Self {
        let manifest = &*project.manifest.content;
        let catalogs = project.results.catalogs.iter();
        Self {
            project,
            artifact: project.manifest.name,
            manifest,
            naming: Naming::of_manifest(settings, manifest),
            groups: group_owners(&manifest.groups),
            index: Index::default(),
            tables: Tables::new(catalogs.map(|catalog| &catalog.content)),
            relations: Relations::default(),
            elsewhere,
            deferrals: FxHashMap::default(),
        }
    }
}

/// A project, and where it is stated.
struct Statement<'s, 'o, 'e, 'm> {
    known: Known<'s, 'm>,
    out: &'o mut Emitter<'e>,
}

impl<'m> Statement<'_, '_, '_, 'm> {
    /// Declares what this project builds, before anything is mentioned.
    fn index_nodes(&mut self) -> Result<(), EmitError> {
        let manifest = self.known.manifest;
        for (id, node) in &manifest.nodes.0 {
            let kind = node.kind(id);
            let role = if !is_built(kind) {
                Role::Nothing("which has no data")
            } else if !node.is_enabled() {
                Role::Nothing("which is disabled")
            } else if node.is_elsewhere() {
                continue;
            } else if kind == "model" && node.materialized(kind) == "ephemeral" {
                Role::Through
            } else {
                self.declare(id, node)?
            };
            self.known.index.add("nodes", id, role, node.depends_on());
        }
        Ok(())
    }

    /// Mentions what others build, and remembers what lineage passes through.
    fn index_mentions(&mut self) -> Result<(), EmitError> {
        let manifest = self.known.manifest;
        for (id, node) in &manifest.nodes.0 {
            if is_built(node.kind(id)) && node.is_enabled() && node.is_elsewhere() {
                let role = self.mention_elsewhere(id, node)?;
                self.known.index.add("nodes", id, role, &[]);
            }
        }
        for (id, source) in &manifest.sources.0 {
            let role = if source.is_enabled() {
                self.mention_source(id, source)?
            } else {
                Role::Nothing("which is disabled")
            };
            self.known.index.add("sources", id, role, &[]);
        }
        for (id, function) in &manifest.functions.0 {
            let depends_on = function.depends_on();
            self.known
                .index
                .add("functions", id, Role::Through, depends_on);
        }
        for id in &self.known.project.damaged {
            let role = Role::Nothing("which is damaged");
            self.known.index.add("nodes", id, role, &[]);
        }
        Ok(())
    }

    fn report(&mut self, unresolved: &mut Vec<Unresolved<'m>>) -> Result<(), EmitError> {
        // They come last to first; people read lists the other way round.
        for found in unresolved.drain(..).rev() {
            let position = found.position.to_string();
            let place = [
                found.section,
                found.dependent,
                "depends_on",
                "nodes",
                &position,
            ];
            self.out.diagnose(diagnostic(
                Severity::Warning,
                "dbt/unresolved-ref",
                format!(
                    "{} depends on {}, {}; that edge is missing",
                    found.dependent, found.dependency, found.reason
                ),
                Some(Places::pointer(self.known.artifact, pointer(&place))),
            ))?;
        }
        Ok(())
    }

    /// Tags, owners (also those of the group) and data product, each once.
    fn describe(&mut self, node: impl Into<Node> + Copy, said: &Said) -> Result<(), EmitError> {
        for tag in distinct(said.tags) {
            self.out.attribute(node, None, "tag", tag)?;
        }
        let metas = || said.metas.into_iter().flatten();
        let group = said.group.and_then(|name| {
            let groups = self.known.groups.get(name)?;
            let is_own = |group: &&&Group| group.package_name.as_deref() == said.package;
            groups.iter().find(is_own).or(groups.first()).copied()
        });
        let group_owners = group.map_or(&[][..], |group| &group.owner.0);
        let mut stated = BTreeSet::new();
        let owners = metas().flat_map(|meta| &meta.owners.0);
        for owner in owners.chain(said.owners).chain(group_owners) {
            let name = self::said(owner.name.as_ref());
            stated.extend(name.map(|name| ("owner", name)));
            let email_key = if name.is_some() {
                "owner-email"
            } else {
                "owner"
            };
            let emails = owner.emails.iter();
            let emails = emails.filter_map(|email| self::said(Some(email)));
            stated.extend(emails.map(|email| (email_key, email)));
        }
        let products = || metas().map(|meta| &meta.data_product);
        // A dataset is of one product: the node's own word counts before its configuration's.
        let name = products().find_map(|product| self::said(product.name.as_ref()));
        let description = products().find_map(|product| self::said(product.description.as_ref()));
        stated.extend(name.map(|name| ("data-product", name)));
        stated.extend(description.map(|text| ("data-product-description", text)));
        for (key, value) in stated {
            self.out.attribute(node, None, key, value)?;
        }
        Ok(())
    }

    /// When a node stops being supported, as RFC 3339 in UTC.
    fn deprecation(
        &mut self,
        section: &str,
        id: &str,
        date: Option<&Text>,
    ) -> Result<Option<String>, EmitError> {
        let Some(text) = said(date) else {
            return Ok(None);
        };
        let parsed =
            time::parse_rfc3339(text).or_else(|| time::parse_rfc3339(&format!("{text}T00:00:00Z")));
        let problem = match parsed {
            Some((_, true)) => None,
            Some((_, false)) => Some("names no zone; it is read as UTC"),
            None => Some("is no time; it is left out"),
        };
        if let Some(problem) = problem {
            self.out.diagnose(diagnostic(
                Severity::Warning,
                "dbt/time",
                format!("`{text}`, when {id} is deprecated, {problem}"),
                Some(Places::pointer(
                    self.known.artifact,
                    pointer(&[section, id, "deprecation_date"]),
                )),
            ))?;
        }
        Ok(parsed.map(|(epoch_ms, _)| time::format_rfc3339(epoch_ms)))
    }

    fn warn(&mut self, code: &str, message: String, at: Location) -> Result<(), EmitError> {
        self.diagnose(Severity::Warning, code, message, at)
    }

    fn diagnose(
        &mut self,
        severity: Severity,
        code: &str,
        message: String,
        at: Location,
    ) -> Result<(), EmitError> {
        let found: Diagnostic = diagnostic(severity, code, message, Some(at));
        self.out.diagnose(found)
    }

    fn place(&self, section: &str, id: &str) -> Location {
        Places::pointer(self.known.artifact, pointer(&[section, id]))
    }
}

fn group_owners<'m>(groups: &'m Members<'m, Group<'m>>) -> FxHashMap<&'m str, Vec<&'m Group<'m>>> {
    let mut by_name: FxHashMap<_, Vec<_>> = FxHashMap::default();
    for (_, group) in &groups.0 {
        if let Some(name) = group.name.as_deref() {
            by_name.entry(name).or_default().push(group);
        }
    }
    by_name
}

fn distinct<'t>(lists: [&'t [Text]; 2]) -> BTreeSet<&'t str> {
    lists
        .into_iter()
        .flatten()
        .map(|text| &**text)
        .filter(|text| !text.is_empty())
        .collect()
}
