//! From a manifest to facts.

use std::collections::BTreeSet;

use headwater_extractor::{
    Alias, Dataset, DatasetNode, EmitError, Emitter, Field, Job, JobNode, Location, Severity,
};
use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::lineage::{Index, Role, Unresolved};
use crate::manifest::{Column, Group, Manifest, Node, Source};
use crate::naming::{Naming, is_name, join};
use crate::read::{Places, diagnostic, pointer};
use crate::text::{Members, Meta, Owner, Text};

/// dbt's own facts about a dataset or job, as the facet `dbt`.
#[derive(Default, Serialize)]
struct DbtFacet<'a> {
    unique_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relation_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    materialized: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loader: Option<&'a str>,
}

/// States everything that `manifest` says.
pub(crate) fn state(
    artifact: &str,
    manifest: &Manifest,
    damaged: &[Text],
    naming: &mut Naming,
    out: &mut Emitter,
) -> Result<(), EmitError> {
    let mut statement = Statement {
        artifact,
        naming,
        out,
        groups: group_owners(&manifest.groups),
        index: Index::default(),
    };
    statement.index_nodes(manifest)?;
    statement.index_mentions(manifest)?;
    for id in damaged {
        statement
            .index
            .add("nodes", id, Role::Nothing("which is damaged"), &[]);
    }
    statement.lineage(manifest)?;
    for found in naming.diagnostics(artifact) {
        out.diagnose(found)?;
    }
    Ok(())
}

struct Statement<'s, 'e, 'c, 'm> {
    artifact: &'s str,
    naming: &'s mut Naming<'c>,
    out: &'s mut Emitter<'e>,
    groups: FxHashMap<&'m str, Vec<&'m Group<'m>>>,
    index: Index<'m>,
}

impl<'m> Statement<'_, '_, '_, 'm> {
    /// Declares what this project builds, before anything is mentioned.
    fn index_nodes(&mut self, manifest: &'m Manifest<'m>) -> Result<(), EmitError> {
        for (id, node) in &manifest.nodes.0 {
            let kind = node.kind(id);
            let role = match kind {
                "model" | "seed" | "snapshot" if !node.is_enabled() => {
                    Role::Nothing("which is disabled")
                }
                "model" | "seed" | "snapshot" if node.is_external() => continue,
                "model" if node.materialized(kind) == "ephemeral" => Role::Through,
                "model" | "seed" | "snapshot" => self.declare(id, node)?,
                _ => Role::Nothing("which has no data"),
            };
            self.index.add("nodes", id, role, node.depends_on());
        }
        Ok(())
    }

    /// Mentions what others build, and remembers what lineage passes through.
    fn index_mentions(&mut self, manifest: &'m Manifest<'m>) -> Result<(), EmitError> {
        for (id, node) in &manifest.nodes.0 {
            let is_model = matches!(node.kind(id), "model" | "seed" | "snapshot");
            if is_model && node.is_enabled() && node.is_external() {
                let role = self.mention_external(id, node)?;
                self.index.add("nodes", id, role, &[]);
            }
        }
        for (id, source) in &manifest.sources.0 {
            let role = if source.is_enabled() {
                self.mention_source(id, source)?
            } else {
                Role::Nothing("which is disabled")
            };
            self.index.add("sources", id, role, &[]);
        }
        let sections = [
            ("metrics", &manifest.metrics),
            ("semantic_models", &manifest.semantic_models),
            ("functions", &manifest.functions),
        ];
        for (section, members) in sections {
            for (id, through) in &members.0 {
                self.index
                    .add(section, id, Role::Through, through.depends_on());
            }
        }
        Ok(())
    }

    /// States the jobs, and what each reads and writes.
    fn lineage(&mut self, manifest: &'m Manifest<'m>) -> Result<(), EmitError> {
        let mut unresolved = Vec::new();
        for (id, node) in &manifest.nodes.0 {
            if node.is_external() || !node.is_enabled() {
                continue;
            }
            let Some(dataset) = self.index.dataset(id) else {
                continue;
            };
            let at = self.node_place("nodes", id);
            let job = self.job(id, node, &at)?;
            for origin in self.index.origins(id, &mut unresolved) {
                self.out.reads(job, origin, Some(&at))?;
            }
            self.out.writes(job, dataset, Some(&at))?;
            self.report(&mut unresolved)?;
        }
        self.index.scan_rest(&mut unresolved);
        self.report(&mut unresolved)
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
                Some(Places::pointer(self.artifact, pointer(&place))),
            ))?;
        }
        Ok(())
    }

    /// Declares the dataset that a node builds.
    fn declare(&mut self, id: &'m str, node: &Node) -> Result<Role, EmitError> {
        let table = node.alias.as_deref().or(node.name.as_deref());
        let Some(name) = self.relation(
            "nodes",
            id,
            node.database.as_deref(),
            node.schema.as_deref(),
            table,
        )?
        else {
            return Ok(Role::Nothing("which has no usable name"));
        };
        let at = self.node_place("nodes", id);
        let fields = self.fields("nodes", id, &node.columns)?;
        let namespace = self
            .naming
            .dataset_namespace(node.database.as_deref(), node.schema.as_deref());
        if let Some(dataset) = self.out.stated(namespace, &name) {
            self.out.diagnose(diagnostic(
                Severity::Warning,
                "dbt/duplicate-relation",
                format!(
                    "{id} builds {name}, which another node builds as well; they are one dataset"
                ),
                Some(at),
            ))?;
            return Ok(Role::Dataset(dataset));
        }
        let kind = dataset_kind(node.materialized(node.kind(id)));
        let dataset = self.out.dataset(&Dataset {
            namespace,
            name: &name,
            kind: &kind,
            declared: true,
            description: said(node.description.as_ref()),
            fields: &fields,
            evidence: Some(&at),
        })?;
        self.attributes(
            dataset,
            &node.columns,
            [&node.tags.0[..], config_tags(node)],
        )?;
        self.node_owners(dataset, node)?;
        if node.access() == Some("public") {
            self.out.attribute(dataset, None, "output-port", "true")?;
        }
        self.out.facet(dataset, "dbt", &node_facet(id, node))?;
        Ok(Role::Dataset(dataset))
    }

    /// Mentions the dataset of another project's model.
    fn mention_external(&mut self, id: &'m str, node: &Node) -> Result<Role, EmitError> {
        let table = node.alias.as_deref().or(node.name.as_deref());
        let Some(name) = self.relation(
            "nodes",
            id,
            node.database.as_deref(),
            node.schema.as_deref(),
            table,
        )?
        else {
            return Ok(Role::Nothing("which has no usable name"));
        };
        let at = self.node_place("nodes", id);
        let kind = dataset_kind(node.materialized(node.kind(id)));
        let namespace = self
            .naming
            .dataset_namespace(node.database.as_deref(), node.schema.as_deref());
        let dataset = self.out.mention(namespace, &name, &kind, Some(&at))?;
        Ok(Role::Dataset(dataset))
    }

    /// Mentions a table that dbt only reads, with what this project knows about it.
    fn mention_source(&mut self, id: &'m str, source: &Source) -> Result<Role, EmitError> {
        let table = source.identifier.as_deref().or(source.name.as_deref());
        let (database, schema) = (source.database.as_deref(), source.schema.as_deref());
        let Some(name) = self.relation("sources", id, database, schema, table)? else {
            return Ok(Role::Nothing("which has no usable name"));
        };
        let at = self.node_place("sources", id);
        let fields = self.fields("sources", id, &source.columns)?;
        let namespace = self.naming.dataset_namespace(database, schema);
        if let Some(dataset) = self.out.stated(namespace, &name) {
            return Ok(Role::Dataset(dataset));
        }
        let dataset = self.out.dataset(&Dataset {
            namespace,
            name: &name,
            // A source may be a table or a view; the manifest does not say.
            kind: "",
            declared: false,
            description: said(source.description.as_ref()),
            fields: &fields,
            evidence: Some(&at),
        })?;
        let config_tags = source
            .config
            .as_ref()
            .map_or(&[][..], |config| &config.tags.0);
        self.attributes(dataset, &source.columns, [&source.tags.0, config_tags])?;
        let config_meta = source.config.as_ref().map(|config| &config.meta);
        self.owners(dataset, meta_owners(&source.meta, config_meta))?;
        let facet = DbtFacet {
            unique_id: id,
            package: source.package_name.as_deref(),
            path: source.original_file_path.as_deref(),
            relation_name: source.relation_name.as_deref(),
            source_name: source.set_name.as_deref(),
            loader: said(source.loader.as_ref()),
            ..DbtFacet::default()
        };
        self.out.facet(dataset, "dbt", &json(&facet))?;
        Ok(Role::Dataset(dataset))
    }

    /// The name of a relation, or an ERROR if what the manifest has cannot be a name.
    fn relation(
        &mut self,
        section: &str,
        id: &str,
        database: Option<&str>,
        schema: Option<&str>,
        table: Option<&str>,
    ) -> Result<Option<String>, EmitError> {
        let name = table
            .filter(|table| !table.is_empty())
            .map(|table| self.naming.dataset_name(database, schema, table));
        if let Some(name) = name.filter(|name| is_name(name) && is_name(id)) {
            return Ok(Some(name));
        }
        let found = match table {
            None | Some("") => "has no name",
            Some(_) => "has a name that is longer than 1,024 bytes or has control characters",
        };
        self.out.diagnose(diagnostic(
            Severity::Error,
            "dbt/unusable-name",
            format!("{id} is left out: it {found}"),
            Some(self.node_place(section, id)),
        ))?;
        Ok(None)
    }

    fn fields<'n>(
        &mut self,
        section: &str,
        id: &str,
        columns: &'n Members<Column>,
    ) -> Result<Vec<Field<'n>>, EmitError> {
        let mut fields = Vec::with_capacity(columns.0.len());
        for (key, column) in &columns.0 {
            let name = column_name(key, column);
            if !is_name(name) {
                self.out.diagnose(diagnostic(
                    Severity::Warning,
                    "dbt/unusable-name",
                    format!("a column of {id} is left out: its name is empty, too long or has control characters"),
                    Some(Places::pointer(self.artifact, pointer(&[section, id, "columns", key]))),
                ))?;
                continue;
            }
            fields.push(Field {
                name,
                data_type: said(column.data_type.as_ref()),
                description: said(column.description.as_ref()),
            });
        }
        Ok(fields)
    }

    /// Tags of the dataset and of its columns, each once.
    fn attributes(
        &mut self,
        dataset: DatasetNode,
        columns: &Members<Column>,
        tags: [&[Text]; 2],
    ) -> Result<(), EmitError> {
        for tag in distinct(tags) {
            self.out.attribute(dataset, None, "tag", tag)?;
        }
        for (key, column) in &columns.0 {
            let name = column_name(key, column);
            let config_tags = column
                .config
                .as_ref()
                .map_or(&[][..], |config| &config.tags.0);
            if !is_name(name) {
                continue;
            }
            for tag in distinct([&column.tags.0, config_tags]) {
                self.out.attribute(dataset, Some(name), "tag", tag)?;
            }
        }
        Ok(())
    }

    /// The owners that a node's `meta` names, and those of its group.
    fn node_owners(&mut self, dataset: DatasetNode, node: &Node) -> Result<(), EmitError> {
        let config_meta = node.config.as_ref().map(|config| &config.meta);
        let group = node.group().and_then(|name| {
            let groups = self.groups.get(name)?;
            let is_own = |group: &&&Group| group.package_name == node.package_name;
            groups.iter().find(is_own).or(groups.first()).copied()
        });
        let group_owners = group.map_or(&[][..], |group| &group.owner.0);
        self.owners(
            dataset,
            meta_owners(&node.meta, config_meta).chain(group_owners),
        )
    }

    fn owners<'o, 't: 'o>(
        &mut self,
        dataset: DatasetNode,
        owners: impl Iterator<Item = &'o Owner<'t>>,
    ) -> Result<(), EmitError> {
        let mut stated = BTreeSet::new();
        for owner in owners {
            let name = said(owner.name.as_ref());
            stated.extend(name.map(|name| ("owner", name)));
            let email_key = if name.is_some() {
                "owner-email"
            } else {
                "owner"
            };
            let emails = owner.emails.iter().filter_map(|email| said(Some(email)));
            stated.extend(emails.map(|email| (email_key, email)));
        }
        for (key, value) in stated {
            self.out.attribute(dataset, None, key, value)?;
        }
        Ok(())
    }

    fn job(&mut self, id: &str, node: &Node, at: &Location) -> Result<JobNode, EmitError> {
        let kind = node.kind(id);
        let sql = self.compiled_sql(id, node)?;
        let job = self.out.job(&Job {
            namespace: self.naming.job_namespace(),
            name: id,
            kind: &kind.to_ascii_uppercase(),
            description: said(node.description.as_ref()),
            sql: sql.as_deref(),
            parent: None,
            evidence: Some(at),
        })?;
        self.out.facet(job, "dbt", &node_facet(id, node))?;
        for name in event_names(id, node, kind) {
            self.out.alias(
                job,
                &Alias {
                    namespace: self.naming.job_namespace(),
                    name: &name,
                    reason: "openlineage-dbt reports runs of this node under that name",
                    evidence: Some(at),
                },
            )?;
        }
        Ok(job)
    }

    /// The SQL that dbt has compiled; not templates, not Python.
    fn compiled_sql<'n>(
        &mut self,
        id: &str,
        node: &'n Node,
    ) -> Result<Option<Text<'n>>, EmitError> {
        let is_sql = node.kind(id) != "seed" && node.language.as_deref().unwrap_or("sql") == "sql";
        let (key, raw) = match (node.compiled_code, node.compiled_sql) {
            (Some(raw), _) => ("compiled_code", raw),
            (None, Some(raw)) => ("compiled_sql", raw),
            (None, None) => return Ok(None),
        };
        if !is_sql {
            return Ok(None);
        }
        if let Ok(sql) = serde_json::from_str::<Text>(raw.get()) {
            return Ok(Some(sql).filter(|sql| !sql.trim_ascii().is_empty()));
        }
        self.out.diagnose(diagnostic(
            Severity::Error,
            "dbt/damaged-node",
            format!("the SQL of {id} is left out: `{key}` is not a string"),
            Some(Places::pointer(self.artifact, pointer(&["nodes", id, key]))),
        ))?;
        Ok(None)
    }

    fn node_place(&self, section: &str, id: &str) -> Location {
        Places::pointer(self.artifact, pointer(&[section, id]))
    }
}

fn group_owners<'m>(groups: &'m Members<Group<'m>>) -> FxHashMap<&'m str, Vec<&'m Group<'m>>> {
    let mut by_name: FxHashMap<_, Vec<_>> = FxHashMap::default();
    for (_, group) in &groups.0 {
        if let Some(name) = group.name.as_deref() {
            by_name.entry(name).or_default().push(group);
        }
    }
    by_name
}

/// The longest name of a materialisation that is kept as a type.
const KIND_CHARS_MAX: usize = 128;

/// What kind of dataset a materialisation leaves; a custom one is called by its own name.
fn dataset_kind(materialized: &str) -> String {
    match materialized {
        "table" | "incremental" | "seed" | "snapshot" => "TABLE".into(),
        "" => "VIEW".into(),
        "materializedview" => "MATERIALIZED_VIEW".into(),
        other => other
            .chars()
            .take(KIND_CHARS_MAX)
            .map(|char| {
                if char.is_ascii_alphanumeric() {
                    char.to_ascii_uppercase()
                } else {
                    '_'
                }
            })
            .collect(),
    }
}

/// The names under which openlineage-dbt 1.54 reports runs of a node, besides its unique id.
fn event_names(id: &str, node: &Node, kind: &str) -> Vec<String> {
    let suffixes: &[&str] = match kind {
        "model" => &["", ".build.run"],
        "snapshot" => &[".snapshot", ".build.snapshot"],
        _ => &[],
    };
    let rest = id.split_once('.').map_or(id, |(_, rest)| rest);
    let base = join(node.database.as_deref(), node.schema.as_deref(), rest);
    let names = suffixes.iter().map(|suffix| format!("{base}{suffix}"));
    names.filter(|name| is_name(name)).collect()
}

fn node_facet(id: &str, node: &Node) -> String {
    let kind = node.kind(id);
    json(&DbtFacet {
        unique_id: id,
        package: node.package_name.as_deref(),
        path: node.original_file_path.as_deref(),
        relation_name: node.relation_name.as_deref(),
        materialized: Some(node.materialized(kind)),
        access: node.access(),
        group: node.group(),
        language: node.language.as_deref(),
        version: node.version.as_ref().map(|version| &*version.0),
        ..DbtFacet::default()
    })
}

fn json(facet: &DbtFacet) -> String {
    serde_json::to_string(facet).expect("strings and options are JSON")
}

fn config_tags<'n, 'a>(node: &'n Node<'a>) -> &'n [Text<'a>] {
    node.config.as_ref().map_or(&[], |config| &config.tags.0)
}

fn meta_owners<'n, 'a>(
    meta: &'n Meta<'a>,
    config_meta: Option<&'n Meta<'a>>,
) -> impl Iterator<Item = &'n Owner<'a>> {
    let configured = config_meta.map_or(&[][..], |meta| &meta.owners.0);
    meta.owners.0.iter().chain(configured)
}

fn column_name<'n>(key: &'n Text, column: &'n Column) -> &'n str {
    column.name.as_deref().unwrap_or(key)
}

fn distinct<'t>(lists: [&'t [Text]; 2]) -> BTreeSet<&'t str> {
    lists
        .into_iter()
        .flatten()
        .map(|text| &**text)
        .filter(|text| !text.is_empty())
        .collect()
}

/// A text that says something.
fn said<'t>(text: Option<&'t Text>) -> Option<&'t str> {
    text.map(|text| &**text)
        .filter(|text| !text.trim_ascii().is_empty())
}
