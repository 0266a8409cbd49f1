//! `manifest.json`: the parts that are read, the same for every schema version.
//!
//! Source: <https://schemas.getdbt.com/dbt/manifest/v1.json> to `v12.json`. Every field is
//! optional and unknown ones are skipped, so a version without a sample here reads as well.

use headwater_extractor::Diagnostic;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::artifact::Metadata;
use crate::meta::{Meta, Owner, Owners};
use crate::naming::Relation;
use crate::salvage::Salvage;
use crate::text::{Members, Scalar, Text, Texts};

/// A whole manifest.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Manifest<'a> {
    pub(crate) metadata: Metadata<'a>,
    pub(crate) nodes: Members<'a, Node<'a>>,
    pub(crate) sources: Members<'a, Source<'a>>,
    pub(crate) groups: Members<'a, Group<'a>>,
    pub(crate) exposures: Members<'a, Asset<'a>>,
    pub(crate) metrics: Members<'a, Asset<'a>>,
    pub(crate) semantic_models: Members<'a, Asset<'a>>,
    pub(crate) saved_queries: Members<'a, Asset<'a>>,
    pub(crate) functions: Members<'a, Through<'a>>,
}

/// A model, seed, snapshot, test, analysis or operation.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Node<'a> {
    pub(crate) resource_type: Option<Text<'a>>,
    database: Option<Text<'a>>,
    schema: Option<Text<'a>>,
    pub(crate) name: Option<Text<'a>>,
    alias: Option<Text<'a>>,
    pub(crate) relation_name: Option<Text<'a>>,
    pub(crate) package_name: Option<Text<'a>>,
    path: Option<Text<'a>>,
    pub(crate) original_file_path: Option<Text<'a>>,
    pub(crate) description: Option<Text<'a>>,
    pub(crate) columns: Members<'a, Column<'a>>,
    config: Option<Config<'a>>,
    tags: Texts<'a>,
    meta: Meta<'a>,
    group: Option<Text<'a>>,
    access: Option<Text<'a>>,
    pub(crate) version: Option<Scalar<'a>>,
    pub(crate) language: Option<Text<'a>>,
    depends_on: Option<DependsOn<'a>>,
    /// Decoded only when it is stated: SQL is most of a manifest, and full of escapes.
    pub(crate) compiled_code: Option<&'a RawValue>,
    /// What `compiled_code` was called before schema version 7.
    pub(crate) compiled_sql: Option<&'a RawValue>,
    /// The SQL before templates were filled in.
    pub(crate) raw_code: Option<&'a RawValue>,
    /// What `raw_code` was called before schema version 7.
    pub(crate) raw_sql: Option<&'a RawValue>,
    pub(crate) latest_version: Option<Scalar<'a>>,
    contract: Option<&'a RawValue>,
    /// Kept as they are written.
    pub(crate) constraints: Option<&'a RawValue>,
    pub(crate) deprecation_date: Option<Text<'a>>,
    /// Where another environment has built it, for a run with `--defer`.
    pub(crate) defer_relation: Option<DeferRelation<'a>>,
    /// Before dbt 1.8, that the node itself stands for another environment's.
    deferred: Option<bool>,
    /// What a generic test tests, since schema version 9.
    #[serde(rename = "attached_node")]
    pub(crate) attached_to: Option<Text<'a>>,
    pub(crate) column_name: Option<Text<'a>>,
    pub(crate) test_metadata: Option<TestMetadata<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Config<'a> {
    enabled: Option<bool>,
    materialized: Option<Text<'a>>,
    tags: Texts<'a>,
    meta: Meta<'a>,
    group: Option<Text<'a>>,
    access: Option<Text<'a>>,
    contract: Option<&'a RawValue>,
    severity: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct DependsOn<'a> {
    nodes: Texts<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Column<'a> {
    pub(crate) name: Option<Text<'a>>,
    pub(crate) description: Option<Text<'a>>,
    pub(crate) data_type: Option<Text<'a>>,
    tags: Texts<'a>,
    config: Option<ColumnConfig<'a>>,
    /// Whether its name is quoted in SQL, so that its case counts.
    quote: Option<bool>,
    pub(crate) constraints: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct ColumnConfig<'a> {
    tags: Texts<'a>,
}

/// Another environment's relation of a node.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct DeferRelation<'a> {
    database: Option<Text<'a>>,
    schema: Option<Text<'a>>,
    alias: Option<Text<'a>>,
    pub(crate) relation_name: Option<Text<'a>>,
}

/// Which generic test a test is, and of what.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct TestMetadata<'a> {
    pub(crate) name: Option<Text<'a>>,
    /// The package that defines the test; none for dbt's own.
    pub(crate) namespace: Option<Text<'a>>,
    kwargs: Option<&'a RawValue>,
}

/// A table that dbt only reads.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Source<'a> {
    database: Option<Text<'a>>,
    schema: Option<Text<'a>>,
    pub(crate) name: Option<Text<'a>>,
    identifier: Option<Text<'a>>,
    pub(crate) relation_name: Option<Text<'a>>,
    /// dbt's name for the set of tables that this one is in.
    #[serde(rename = "source_name")]
    pub(crate) set_name: Option<Text<'a>>,
    pub(crate) loader: Option<Text<'a>>,
    pub(crate) package_name: Option<Text<'a>>,
    pub(crate) original_file_path: Option<Text<'a>>,
    pub(crate) description: Option<Text<'a>>,
    pub(crate) columns: Members<'a, Column<'a>>,
    config: Option<Config<'a>>,
    tags: Texts<'a>,
    meta: Meta<'a>,
}

/// People who own models.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Group<'a> {
    pub(crate) name: Option<Text<'a>>,
    pub(crate) package_name: Option<Text<'a>>,
    pub(crate) owner: Owners<'a>,
}

/// An exposure, metric, semantic model or saved query: something that is made of nodes and
/// is no relation.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Asset<'a> {
    pub(crate) label: Option<Text<'a>>,
    pub(crate) description: Option<Text<'a>>,
    /// What kind of exposure or metric it is.
    pub(crate) r#type: Option<Text<'a>>,
    pub(crate) url: Option<Text<'a>>,
    pub(crate) maturity: Option<Text<'a>>,
    owner: Owners<'a>,
    pub(crate) package_name: Option<Text<'a>>,
    pub(crate) original_file_path: Option<Text<'a>>,
    config: Option<Config<'a>>,
    tags: Texts<'a>,
    meta: Meta<'a>,
    group: Option<Text<'a>>,
    depends_on: Option<DependsOn<'a>>,
    /// Of a semantic model; decoded only there, since old metrics have other `dimensions`.
    pub(crate) entities: Option<&'a RawValue>,
    pub(crate) dimensions: Option<&'a RawValue>,
    pub(crate) measures: Option<&'a RawValue>,
    /// Of a saved query.
    pub(crate) exports: Vec<Export<'a>>,
}

/// An entity, dimension or measure of a semantic model.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Element<'a> {
    pub(crate) name: Option<Text<'a>>,
    pub(crate) description: Option<Text<'a>>,
    /// Of an entity or a dimension.
    pub(crate) r#type: Option<Text<'a>>,
    /// How a measure is aggregated.
    pub(crate) agg: Option<Text<'a>>,
}

/// What a saved query writes.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Export<'a> {
    pub(crate) name: Option<Text<'a>>,
    config: Option<ExportConfig<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct ExportConfig<'a> {
    export_as: Option<Text<'a>>,
    database: Option<Text<'a>>,
    schema_name: Option<Text<'a>>,
    alias: Option<Text<'a>>,
}

/// Something that has no data of its own, so that lineage passes through it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Through<'a> {
    depends_on: Option<DependsOn<'a>>,
}

/// What people say of a node, whatever kind it is of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'n, 'a> {
    pub(crate) tags: [&'n [Text<'a>]; 2],
    pub(crate) metas: [Option<&'n Meta<'a>>; 2],
    pub(crate) owners: &'n [Owner<'a>],
    pub(crate) group: Option<&'n str>,
    pub(crate) package: Option<&'n str>,
}

/// What kind of node a unique id names: `model` in `model.shop.orders`.
pub(crate) fn id_kind(unique_id: &str) -> &str {
    unique_id.split_once('.').map_or("", |(kind, _)| kind)
}

/// Which package a unique id names: `shop` in `model.shop.orders`.
pub(crate) fn id_package(unique_id: &str) -> Option<&str> {
    unique_id.split('.').nth(1)
}

/// Whether a node of this kind has a dataset, and a job that builds it.
pub(crate) fn is_built(kind: &str) -> bool {
    matches!(kind, "model" | "seed" | "snapshot")
}

impl<'a> Manifest<'a> {
    /// Without nodes there is no manifest, so what is no object of nodes is an error.
    pub(crate) fn salvage(
        sections: &Members<'a, &'a RawValue>,
        metadata: Metadata<'a>,
        salvage: &mut Salvage<'a>,
    ) -> Result<Self, Diagnostic> {
        // Operations and the like state nothing, so nothing is lost with them.
        let is_needed = |id: &str| is_built(id_kind(id)) || id_kind(id) == "test";
        Ok(Self {
            metadata,
            nodes: salvage.all_members(sections, "nodes", is_needed)?,
            sources: salvage.members(sections, "sources", |_| true),
            groups: salvage.members(sections, "groups", |_| true),
            exposures: salvage.members(sections, "exposures", |_| true),
            metrics: salvage.members(sections, "metrics", |_| true),
            semantic_models: salvage.members(sections, "semantic_models", |_| true),
            saved_queries: salvage.members(sections, "saved_queries", |_| true),
            functions: salvage.members(sections, "functions", |_| true),
        })
    }

    /// The unique id of everything that other artifacts may speak of.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        let nodes = self.nodes.0.iter().map(|(id, _)| &**id);
        let sources = self.sources.0.iter().map(|(id, _)| &**id);
        let saved_queries = self.saved_queries.0.iter().map(|(id, _)| &**id);
        nodes.chain(sources).chain(saved_queries)
    }
}

impl<'a> Node<'a> {
    /// `model`, `seed`, `snapshot`, `test`, …
    pub(crate) fn kind<'b>(&'b self, unique_id: &'b str) -> &'b str {
        self.resource_type
            .as_deref()
            .unwrap_or_else(|| id_kind(unique_id))
    }

    pub(crate) fn is_enabled(&self) -> bool {
        is_enabled(self.config.as_ref())
    }

    /// Whether somebody else builds it. Models of other projects come without a file, as dbt's
    /// own `is_external_node` has it; models of another environment are marked.
    pub(crate) fn is_elsewhere(&self) -> bool {
        let has_no_file =
            self.path.as_deref() == Some("") && self.original_file_path.as_deref() == Some("");
        has_no_file || self.deferred == Some(true)
    }

    pub(crate) fn relation(&self) -> Relation<'_> {
        let table = self.alias.as_deref().or(self.name.as_deref());
        Relation::new(self.database.as_deref(), self.schema.as_deref(), table)
    }

    /// How it is built; dbt's default for models is a view.
    pub(crate) fn materialized<'b>(&'b self, kind: &'b str) -> &'b str {
        let config = self.config.as_ref();
        let configured = config.and_then(|config| config.materialized.as_deref());
        match (configured, kind) {
            (Some(configured), _) => configured,
            (None, "model") => "view",
            (None, kind) => kind,
        }
    }

    pub(crate) fn depends_on(&self) -> &[Text<'a>] {
        depends_on(self.depends_on.as_ref())
    }

    pub(crate) fn access(&self) -> Option<&str> {
        let config = self.config.as_ref();
        let configured = || config.and_then(|config| config.access.as_deref());
        self.access.as_deref().or_else(configured)
    }

    pub(crate) fn group(&self) -> Option<&str> {
        group(self.group.as_ref(), self.config.as_ref())
    }

    /// Whether dbt checks that the columns are what the contract says.
    pub(crate) fn is_contract_enforced(&self) -> bool {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Contract {
            enforced: bool,
        }
        let is_enforced = |raw: &RawValue| {
            serde_json::from_str::<Contract>(raw.get()).is_ok_and(|contract| contract.enforced)
        };
        let config = self.config.as_ref();
        let configured = config.and_then(|config| config.contract);
        self.contract.or(configured).is_some_and(is_enforced)
    }

    /// What a failure of a test counts as: `error` or `warn`.
    pub(crate) fn severity(&self) -> String {
        let config = self.config.as_ref();
        let severity = config.and_then(|config| config.severity.as_deref());
        severity.unwrap_or("error").to_ascii_lowercase()
    }

    pub(crate) fn said(&self) -> Said<'_, 'a> {
        said(&self.tags, &self.meta, self.config.as_ref())
            .of(self.group.as_ref(), self.package_name.as_ref())
    }
}

impl<'a> Source<'a> {
    pub(crate) fn is_enabled(&self) -> bool {
        is_enabled(self.config.as_ref())
    }

    pub(crate) fn relation(&self) -> Relation<'_> {
        let table = self.identifier.as_deref().or(self.name.as_deref());
        Relation::new(self.database.as_deref(), self.schema.as_deref(), table)
    }

    pub(crate) fn said(&self) -> Said<'_, 'a> {
        said(&self.tags, &self.meta, self.config.as_ref()).of(None, self.package_name.as_ref())
    }
}

impl<'a> Asset<'a> {
    pub(crate) fn is_enabled(&self) -> bool {
        is_enabled(self.config.as_ref())
    }

    pub(crate) fn depends_on(&self) -> &[Text<'a>] {
        depends_on(self.depends_on.as_ref())
    }

    pub(crate) fn group(&self) -> Option<&str> {
        group(self.group.as_ref(), self.config.as_ref())
    }

    pub(crate) fn said(&self) -> Said<'_, 'a> {
        Said {
            owners: &self.owner.0,
            ..said(&self.tags, &self.meta, self.config.as_ref())
                .of(self.group.as_ref(), self.package_name.as_ref())
        }
    }
}

impl<'a> Through<'a> {
    pub(crate) fn depends_on(&self) -> &[Text<'a>] {
        depends_on(self.depends_on.as_ref())
    }
}

impl DeferRelation<'_> {
    /// The relation; one without an alias has the name of its node.
    pub(crate) fn relation<'b>(&'b self, node: &'b Node) -> Relation<'b> {
        let table = self.alias.as_deref().or(node.name.as_deref());
        Relation::new(self.database.as_deref(), self.schema.as_deref(), table)
    }
}

impl Export<'_> {
    /// The relation, in `database` if the export does not name one.
    pub(crate) fn relation<'b>(&'b self, database: Option<&'b str>) -> Relation<'b> {
        let config = self.config.as_ref();
        let own_database = config.and_then(|config| config.database.as_deref());
        let schema = config.and_then(|config| config.schema_name.as_deref());
        let alias = config.and_then(|config| config.alias.as_deref());
        Relation::new(
            own_database.or(database),
            schema,
            alias.or(self.name.as_deref()),
        )
    }

    /// `table` or `view`.
    pub(crate) fn kind(&self) -> &str {
        let config = self.config.as_ref();
        config
            .and_then(|config| config.export_as.as_deref())
            .unwrap_or("table")
    }
}

impl<'a> TestMetadata<'a> {
    /// The test's argument of this name, if it is a string.
    pub(crate) fn argument(&self, name: &str) -> Option<Text<'a>> {
        let Members(arguments) =
            serde_json::from_str::<Members<&RawValue>>(self.kwargs?.get()).ok()?;
        let (_, raw) = arguments.into_iter().find(|(key, _)| &**key == name)?;
        serde_json::from_str(raw.get()).ok()
    }
}

impl<'a> Column<'a> {
    pub(crate) fn tags(&self) -> [&[Text<'a>]; 2] {
        let config = self.config.as_ref();
        [
            &self.tags.0,
            config.map_or(&[][..], |config| &config.tags.0),
        ]
    }

    pub(crate) fn is_quoted(&self) -> bool {
        self.quote == Some(true)
    }
}

/// The column's name; its key, if it has none of its own.
pub(crate) fn column_name<'n>(key: &'n Text, column: &'n Column) -> &'n str {
    column.name.as_deref().unwrap_or(key)
}

impl<'n> Said<'n, '_> {
    fn of(mut self, group: Option<&'n Text>, package: Option<&'n Text>) -> Self {
        self.group = group.map(|group| &**group).or(self.group);
        self.package = package.map(|package| &**package);
        self
    }
}

fn said<'n, 'a>(
    tags: &'n Texts<'a>,
    meta: &'n Meta<'a>,
    config: Option<&'n Config<'a>>,
) -> Said<'n, 'a> {
    Said {
        tags: [&tags.0, config.map_or(&[][..], |config| &config.tags.0)],
        metas: [Some(meta), config.map(|config| &config.meta)],
        owners: &[],
        group: config.and_then(|config| config.group.as_deref()),
        package: None,
    }
}

fn group<'n>(own: Option<&'n Text>, config: Option<&'n Config>) -> Option<&'n str> {
    let configured = || config.and_then(|config| config.group.as_deref());
    own.map(|group| &**group).or_else(configured)
}

fn is_enabled(config: Option<&Config>) -> bool {
    config.and_then(|config| config.enabled).unwrap_or(true)
}

fn depends_on<'a, 'b>(depends_on: Option<&'b DependsOn<'a>>) -> &'b [Text<'a>] {
    depends_on.map_or(&[], |depends_on| &depends_on.nodes.0)
}
