//! The parts of a manifest that are read, the same for every schema version.
//!
//! Source: <https://schemas.getdbt.com/dbt/manifest/v1.json> to `v12.json`. Every field is
//! optional and unknown ones are skipped, so a version without a sample here reads as well.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::text::{Members, Meta, Owners, Scalar, Text, Texts};

/// A whole manifest.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Manifest<'a> {
    pub(crate) metadata: Metadata<'a>,
    pub(crate) nodes: Members<'a, Node<'a>>,
    pub(crate) sources: Members<'a, Source<'a>>,
    pub(crate) groups: Members<'a, Group<'a>>,
    pub(crate) metrics: Members<'a, Through<'a>>,
    pub(crate) semantic_models: Members<'a, Through<'a>>,
    pub(crate) functions: Members<'a, Through<'a>>,
}

/// The same, but its members are read one by one: what is damaged costs only itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Sections<'a> {
    pub(crate) metadata: Option<&'a RawValue>,
    pub(crate) nodes: Option<&'a RawValue>,
    pub(crate) sources: Option<&'a RawValue>,
    pub(crate) groups: Option<&'a RawValue>,
    pub(crate) metrics: Option<&'a RawValue>,
    pub(crate) semantic_models: Option<&'a RawValue>,
    pub(crate) functions: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Metadata<'a> {
    pub(crate) dbt_schema_version: Option<Text<'a>>,
    pub(crate) generated_at: Option<Text<'a>>,
    pub(crate) project_name: Option<Text<'a>>,
    /// MD5 of the project's name in lower-case hexadecimal.
    pub(crate) project_id: Option<Text<'a>>,
    pub(crate) adapter_type: Option<Text<'a>>,
}

/// A model, seed, snapshot, test, analysis or operation.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Node<'a> {
    pub(crate) resource_type: Option<Text<'a>>,
    pub(crate) database: Option<Text<'a>>,
    pub(crate) schema: Option<Text<'a>>,
    pub(crate) name: Option<Text<'a>>,
    pub(crate) alias: Option<Text<'a>>,
    pub(crate) relation_name: Option<Text<'a>>,
    pub(crate) package_name: Option<Text<'a>>,
    pub(crate) path: Option<Text<'a>>,
    pub(crate) original_file_path: Option<Text<'a>>,
    pub(crate) description: Option<Text<'a>>,
    pub(crate) columns: Members<'a, Column<'a>>,
    pub(crate) config: Option<NodeConfig<'a>>,
    pub(crate) tags: Texts<'a>,
    pub(crate) meta: Meta<'a>,
    pub(crate) group: Option<Text<'a>>,
    pub(crate) access: Option<Text<'a>>,
    pub(crate) version: Option<Scalar<'a>>,
    pub(crate) language: Option<Text<'a>>,
    pub(crate) depends_on: Option<DependsOn<'a>>,
    /// Decoded only when it is stated: SQL is most of a manifest, and full of escapes.
    pub(crate) compiled_code: Option<&'a RawValue>,
    /// What `compiled_code` was called before schema version 7.
    pub(crate) compiled_sql: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct NodeConfig<'a> {
    pub(crate) enabled: Option<bool>,
    pub(crate) materialized: Option<Text<'a>>,
    pub(crate) tags: Texts<'a>,
    pub(crate) meta: Meta<'a>,
    pub(crate) group: Option<Text<'a>>,
    pub(crate) access: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct DependsOn<'a> {
    pub(crate) nodes: Texts<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Column<'a> {
    pub(crate) name: Option<Text<'a>>,
    pub(crate) description: Option<Text<'a>>,
    pub(crate) data_type: Option<Text<'a>>,
    pub(crate) tags: Texts<'a>,
    pub(crate) config: Option<ColumnConfig<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct ColumnConfig<'a> {
    pub(crate) tags: Texts<'a>,
}

/// A table that dbt only reads.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Source<'a> {
    pub(crate) database: Option<Text<'a>>,
    pub(crate) schema: Option<Text<'a>>,
    pub(crate) name: Option<Text<'a>>,
    pub(crate) identifier: Option<Text<'a>>,
    pub(crate) relation_name: Option<Text<'a>>,
    /// dbt's name for the set of tables that this one is in.
    #[serde(rename = "source_name")]
    pub(crate) set_name: Option<Text<'a>>,
    pub(crate) loader: Option<Text<'a>>,
    pub(crate) package_name: Option<Text<'a>>,
    pub(crate) original_file_path: Option<Text<'a>>,
    pub(crate) description: Option<Text<'a>>,
    pub(crate) columns: Members<'a, Column<'a>>,
    pub(crate) config: Option<NodeConfig<'a>>,
    pub(crate) tags: Texts<'a>,
    pub(crate) meta: Meta<'a>,
}

/// People who own models.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Group<'a> {
    pub(crate) name: Option<Text<'a>>,
    pub(crate) package_name: Option<Text<'a>>,
    pub(crate) owner: Owners<'a>,
}

/// Something that has no data of its own, so that lineage passes through it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Through<'a> {
    pub(crate) depends_on: Option<DependsOn<'a>>,
}

/// What kind of node a unique id names: `model` in `model.shop.orders`.
pub(crate) fn id_kind(unique_id: &str) -> &str {
    unique_id.split_once('.').map_or("", |(kind, _)| kind)
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

    /// Models of other projects come without a file, as dbt's own `is_external_node` has it.
    pub(crate) fn is_external(&self) -> bool {
        self.path.as_deref() == Some("") && self.original_file_path.as_deref() == Some("")
    }

    /// How it is built; dbt's default for models is a view.
    pub(crate) fn materialized<'b>(&'b self, kind: &'b str) -> &'b str {
        let configured = self
            .config
            .as_ref()
            .and_then(|config| config.materialized.as_deref());
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
        let configured = || {
            self.config
                .as_ref()
                .and_then(|config| config.access.as_deref())
        };
        self.access.as_deref().or_else(configured)
    }

    pub(crate) fn group(&self) -> Option<&str> {
        let configured = || {
            self.config
                .as_ref()
                .and_then(|config| config.group.as_deref())
        };
        self.group.as_deref().or_else(configured)
    }
}

impl Source<'_> {
    pub(crate) fn is_enabled(&self) -> bool {
        is_enabled(self.config.as_ref())
    }
}

impl<'a> Through<'a> {
    pub(crate) fn depends_on(&self) -> &[Text<'a>] {
        depends_on(self.depends_on.as_ref())
    }
}

fn is_enabled(config: Option<&NodeConfig>) -> bool {
    config.and_then(|config| config.enabled).unwrap_or(true)
}

fn depends_on<'a, 'b>(depends_on: Option<&'b DependsOn<'a>>) -> &'b [Text<'a>] {
    depends_on.map_or(&[], |depends_on| &depends_on.nodes.0)
}
