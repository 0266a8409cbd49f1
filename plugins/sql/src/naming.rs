//! What tables are called in the graph, by `OpenLineage`'s naming conventions.

use headwater_extractor::Config;
use sql_lineage::{Dialect, TableName};

/// Turns names of SQL into names of datasets.
pub(crate) struct Naming<'c> {
    config: &'c Config,
    /// Where no namespace is configured: visibly local.
    local: String,
}

impl<'c> Naming<'c> {
    pub(crate) fn new(config: &'c Config, dialect: Option<Dialect>) -> Self {
        let dialect = dialect.map_or("auto", Dialect::name);
        Self {
            config,
            local: format!("sql://{dialect}"),
        }
    }

    pub(crate) fn is_configured(&self) -> bool {
        self.config.get("namespace").is_some()
    }

    pub(crate) fn local(&self) -> &str {
        &self.local
    }

    /// What stands for the result of a query that writes nothing.
    pub(crate) fn result(&self) -> Option<&'c str> {
        self.config.get("result")
    }

    pub(crate) fn job_namespace(&self) -> &str {
        self.config.get("job_namespace").unwrap_or("sql")
    }

    /// True if a table that the SQL names can be in that namespace.
    pub(crate) fn has_namespace(&self, namespace: &str) -> bool {
        !self.is_configured()
            || self.config.get("namespace") == Some(namespace)
            || self
                .config
                .with_prefix("namespace.")
                .any(|(_, value)| value == namespace)
    }

    /// The namespace and the name of a table.
    pub(crate) fn dataset(&self, table: &TableName) -> (String, String) {
        let name = table.to_string();
        if table.is_path() {
            return path(&name);
        }
        let database = match table.parts() {
            [database, _, _, ..] => self.config.get(&format!("namespace.{database}")),
            _ => None,
        };
        let namespace = database
            .or_else(|| self.config.get("namespace"))
            .unwrap_or(&self.local);
        (namespace.to_owned(), name)
    }
}

/// `scheme://authority` and the path; `file` and the path for one without a scheme.
fn path(text: &str) -> (String, String) {
    let Some((scheme, rest)) = text.split_once("://") else {
        return ("file".into(), text.into());
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.is_empty() {
        return (scheme.into(), format!("/{path}"));
    }
    let path = if path.is_empty() { "/" } else { path };
    (format!("{scheme}://{authority}"), path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_named_as_openlineage_names_them() {
        for (text, namespace, name) in [
            ("s3://bucket/a/b.csv", "s3://bucket", "a/b.csv"),
            ("s3://bucket", "s3://bucket", "/"),
            ("hdfs://namenode:8020/x", "hdfs://namenode:8020", "x"),
            ("file:///tmp/x", "file", "/tmp/x"),
            ("/tmp/x", "file", "/tmp/x"),
        ] {
            assert_eq!(path(text), (namespace.into(), name.into()), "{text}");
        }
    }
}
