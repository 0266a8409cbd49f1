//! Names by `OpenLineage`'s naming conventions.

use crate::model::{Execution, Table};

/// The longest name that can be stated.
const NAME_BYTES_MAX: usize = 1024;
/// The longest id of a run.
const RUN_ID_BYTES_MAX: usize = 256;
/// The longest type.
const KIND_BYTES_MAX: usize = 128;

/// Whether a name can be stated: not empty, not too long, no control characters.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control)
}

/// Leaves out of an execution what has no name that can be stated; returns how much that is.
pub(crate) fn leave_out_unnamed(execution: &mut Execution) -> usize {
    let is_field = |field: &Option<String>| field.as_deref().is_none_or(is_name);
    let mut count = 0;
    let mut keeps = |is_kept: bool| {
        count += usize::from(!is_kept);
        is_kept
    };
    execution.reads.retain(|table| keeps(table.is_named()));
    execution.writes.retain(|table| keeps(table.is_named()));
    execution
        .patterns
        .retain(|(_, pattern)| keeps(is_name(pattern)));
    for links in [&mut execution.links, &mut execution.views] {
        links.retain(|link| {
            let is_named = link.from.0.is_named() && link.to.0.is_named();
            keeps(is_named && is_field(&link.from.1) && is_field(&link.to.1))
        });
    }
    execution
        .stored
        .retain(|(table, place)| keeps(table.is_named() && place.is_named()));
    let is_run = |id: &str| is_name(id) && id.len() <= RUN_ID_BYTES_MAX;
    if execution
        .run
        .as_ref()
        .is_some_and(|run| !keeps(is_run(&run.id)))
    {
        execution.run = None;
    }
    count
}

impl Table {
    fn is_named(&self) -> bool {
        is_name(&self.namespace) && is_name(&self.name) && self.kind.len() <= KIND_BYTES_MAX
    }
}

/// A table in a warehouse, by its full name as the warehouse writes it.
pub(crate) fn table(namespace: &str, name: &str, kind: &str) -> Table {
    Table {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        kind: kind.to_owned(),
    }
}

/// A place in a file system or an object store. Users, passwords and parameters are left out.
pub(crate) fn path(text: &str, workspace: Option<&str>) -> Option<Table> {
    let dbfs = || workspace.map_or("dbfs".to_owned(), |name| format!("dbfs://{name}"));
    let text = text.split(['?', '#']).next().unwrap_or_default().trim();
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_lowercase(), rest),
        None => match text.split_once(':') {
            Some(("dbfs", path)) => return named(dbfs(), path),
            Some(("file", path)) => return named("file".into(), path),
            _ => return named("file".into(), text),
        },
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let has_container = matches!(scheme.as_str(), "abfss" | "abfs" | "wasbs" | "wasb");
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) if !has_container || user.contains(':') => host,
        _ => authority,
    };
    match scheme.as_str() {
        "dbfs" => named(dbfs(), &format!("/{path}")),
        "file" if authority.is_empty() => named("file".into(), &format!("/{path}")),
        "s3a" | "s3n" | "s3gov" | "s3china" => named(format!("s3://{authority}"), path),
        "gcs" => named(format!("gs://{authority}"), path),
        // Snowflake writes the container behind the account.
        "azure" => {
            let account = authority.split('.').next().unwrap_or_default();
            let (container, path) = path.split_once('/').unwrap_or((path, ""));
            named(
                format!("wasbs://{container}@{account}.dfs.core.windows.net"),
                path,
            )
        }
        _ => named(format!("{scheme}://{authority}"), path),
    }
}

fn named(namespace: String, path: &str) -> Option<Table> {
    let is_local = namespace == "file" || namespace.starts_with("dbfs");
    let name = match path {
        "" | "/" => "/",
        path if is_local => path.trim_end_matches('/'),
        path => path.trim_matches('/'),
    };
    let is_named =
        !namespace.ends_with("://") && !name.is_empty() && !name.contains(char::is_control);
    is_named.then(|| Table {
        namespace,
        name: name.to_owned(),
        kind: "FILE".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_as_openlineage_names_them() {
        for (text, namespace, name) in [
            ("s3://b/a/x/", "s3://b", "a/x"),
            ("s3a://b", "s3://b", "/"),
            ("gcs://b/a", "gs://b", "a"),
            (
                "azure://acc.blob.core.windows.net/c/a/x",
                "wasbs://c@acc.dfs.core.windows.net",
                "a/x",
            ),
            (
                "abfss://c@acc.dfs.core.windows.net/a?sig=x",
                "abfss://c@acc.dfs.core.windows.net",
                "a",
            ),
            ("https://ann:pw@host/a", "https://host", "a"),
            ("dbfs:/mnt/a", "dbfs://w", "/mnt/a"),
            ("file:///tmp/a.csv", "file", "/tmp/a.csv"),
        ] {
            let table = path(text, Some("w")).unwrap();
            assert_eq!(
                (&*table.namespace, &*table.name),
                (namespace, name),
                "{text}"
            );
        }
        assert_eq!(path("s3://", None), None);
    }
}
