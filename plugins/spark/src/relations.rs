//! What operators of a plan read and write.

use crate::naming::{self, Naming, Table};
use crate::plan;

/// What an operator reads or writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Relation {
    pub(crate) tables: Vec<Table>,
    /// A table, and where it is stored.
    pub(crate) stored: Option<(Table, Table)>,
    /// The columns that are written, if they are told; and whether some are left out.
    pub(crate) columns: Option<Vec<String>>,
    /// What is not known: a code and what it is about.
    pub(crate) unknown: Option<(&'static str, String)>,
}

impl Relation {
    fn of(table: Option<Table>) -> Self {
        Self {
            tables: table.into_iter().collect(),
            ..Self::default()
        }
    }

    fn unknown(code: &'static str, what: &str) -> Self {
        const CHARS_MAX: usize = 60;
        Self {
            unknown: Some((code, what.chars().take(CHARS_MAX).collect())),
            ..Self::default()
        }
    }

    /// A table that is stored somewhere: of these two names the place is the one that all its readers know.
    fn stored(table: Option<Table>, places: Vec<Table>) -> Self {
        let stored = match (&table, &places[..]) {
            (Some(table), [place]) => Some((table.clone(), place.clone())),
            _ => None,
        };
        // Of several places, partitions of its own among them, the table stands for all.
        let tables = match (table, places.len()) {
            (Some(table), len) if len != 1 => vec![table],
            _ => places,
        };
        Self {
            tables,
            stored,
            ..Self::default()
        }
    }
}

/// What an operator reads, by its name, all that is said of it, and where that is.
pub(crate) fn read(
    name: &str,
    said: &str,
    location: Option<&str>,
    naming: &Naming,
) -> Option<Relation> {
    if name.starts_with("HiveTableScan") {
        return Some(Relation::of(
            quoted(said).and_then(|parts| naming.table(&parts)),
        ));
    }
    let rest = ["Scan ", "FileScan ", "BatchScan ", "MicroBatchScan "]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))?
        .trim();
    let mut words = rest.split_whitespace();
    let (first, second) = (words.next().unwrap_or_default(), words.next());
    if first.starts_with("ExistingRDD")
        || matches!(
            first,
            "OneRowRelation" | "In-memory" | "LocalTable" | "LocalRelation"
        )
    {
        return None;
    }
    if let Some(inner) = rest.strip_prefix("JDBCRelation(") {
        let table = inner
            .split_once(") [")
            .map_or(inner.trim_end_matches(')'), |(table, _)| table);
        return Some(jdbc(table, naming));
    }
    let is_table = |word: &&str| !word.contains(['(', '[', ':', '/', '=']);
    if first == "hive" {
        let table = second.filter(is_table).map(parts);
        return Some(Relation::of(table.and_then(|parts| naming.table(&parts))));
    }
    if let Some(location) = location {
        let (places, is_cut) = places(location);
        let table = second
            .filter(is_table)
            .and_then(|word| naming.table(&parts(word)));
        let mut relation = Relation::stored(table, places);
        if is_cut && relation.tables.is_empty() {
            relation = Relation::unknown("spark/location", location);
        }
        return Some(relation);
    }
    if name.starts_with("BatchScan ") && first.contains('.') && is_table(&first) {
        return Some(Relation::of(naming.table(&parts(first))));
    }
    let what = rest.split('(').next().unwrap_or_default();
    Some(Relation::unknown("spark/relation", what))
}

/// A table of another database, by its name there.
fn jdbc(table: &str, naming: &Naming) -> Relation {
    let is_query = table.trim_start().starts_with('(');
    let table = table.replace(['"', '`'], "");
    match &naming.jdbc {
        Some(namespace) if !is_query && naming::is_name(&table) => Relation::of(Some(Table {
            namespace: namespace.clone(),
            name: table,
            kind: "TABLE",
        })),
        _ if is_query => Relation::unknown("spark/relation", "a query by JDBC"),
        _ => Relation::unknown("spark/jdbc", &table),
    }
}

/// The paths of `InMemoryFileIndex(1 paths)[file:/a, file:/b]`; and whether some are left out.
fn places(location: &str) -> (Vec<Table>, bool) {
    let Some(from) = location.find('[') else {
        return (Vec::new(), true);
    };
    let text = &location[from..];
    let (items, mut is_cut) = plan::list(text.rfind(']').map_or(text, |to| &text[..=to]));
    let mut places: Vec<Table> = items
        .into_iter()
        .filter(|item| {
            let is_whole = !item.ends_with("...");
            is_cut |= !is_whole;
            is_whole
        })
        .filter_map(naming::path)
        .collect();
    places.sort();
    places.dedup();
    (places, is_cut)
}

/// What a command writes, by its name and its arguments.
pub(crate) fn write(name: &str, arguments: &str, naming: &Naming) -> Option<Relation> {
    let command = name.strip_prefix("Execute ").unwrap_or(name);
    let command = command.split(['(', ' ']).next().unwrap_or_default();
    let table = || quoted(arguments).and_then(|parts| naming.table(&parts));
    let mut relation = match command {
        "InsertIntoHadoopFsRelationCommand" => {
            let path = arguments.split(", ").next().and_then(naming::path);
            Relation::stored(table(), path.into_iter().collect())
        }
        "InsertIntoHiveTable"
        | "CreateDataSourceTableAsSelectCommand"
        | "CreateHiveTableAsSelectCommand"
        | "OptimizedCreateHiveTableAsSelectCommand" => {
            // Around the command itself stands one that has its name and no arguments.
            Relation::of(table())
        }
        "SaveIntoDataSourceCommand" => saved(arguments, naming),
        "AppendData"
        | "OverwriteByExpression"
        | "OverwritePartitionsDynamic"
        | "ReplaceData"
        | "WriteDelta" => {
            let written = arguments.split_once("Write(table=").map(|(_, rest)| rest);
            match written.and_then(|rest| rest.split([',', ')']).next()) {
                Some(table) => Relation::of(naming.table(&parts(table))),
                None if arguments.is_empty() => Relation::default(),
                None => Relation::unknown("spark/command", command),
            }
        }
        _ if is_unknown_write(command) => Relation::unknown("spark/command", command),
        _ => return None,
    };
    let last = plan::split(arguments)
        .pop()
        .filter(|last| last.starts_with('['));
    if let Some(last) = last.filter(|_| command != "SaveIntoDataSourceCommand") {
        let (columns, _) = plan::list(last);
        // References are no names.
        if columns.iter().all(|column| !column.contains('#')) {
            relation.columns = Some(columns.into_iter().map(str::to_owned).collect());
        }
    }
    Some(relation)
}

/// Commands that write something, but do not say what in a way that is read.
fn is_unknown_write(command: &str) -> bool {
    const WORDS: &[&str] = &[
        "InsertInto",
        "AsSelect",
        "LoadData",
        "MergeInto",
        "Update",
        "DeleteFrom",
        "DeleteCommand",
        "WriteTo",
        "SaveAs",
    ];
    let ends =
        command.ends_with("Command") || command.ends_with("Exec") || command.contains("AsSelect");
    ends && WORDS.iter().any(|word| command.contains(word))
}

/// `provider, Map(url -> jdbc:…, dbtable -> t), Append`.
fn saved(arguments: &str, naming: &Naming) -> Relation {
    let options = arguments.split_once("Map(").map_or("", |(_, rest)| rest);
    let options = options
        .rsplit_once(')')
        .map_or(options, |(options, _)| options);
    let option = |wanted: &str| {
        let mut pairs = options
            .split(", ")
            .filter_map(|pair| pair.split_once(" -> "));
        pairs
            .find(|(key, _)| key.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value)
    };
    if let (Some(url), Some(table)) = (option("url"), option("dbtable")) {
        // Spark takes addresses out of what it logs, unless it is told not to.
        if url.contains("(redacted)") {
            return jdbc(table, naming);
        }
        let table = naming::jdbc(url, table);
        return match table {
            Some(table) => Relation::of(Some(table)),
            None => Relation::unknown("spark/relation", "a database by JDBC"),
        };
    }
    match option("path").and_then(naming::path) {
        Some(path) => Relation::of(Some(path)),
        None if arguments.is_empty() => Relation::default(),
        None => Relation::unknown("spark/command", "SaveIntoDataSourceCommand"),
    }
}

/// The parts of a name with dots.
fn parts(name: &str) -> Vec<String> {
    name.split('.')
        .map(|part| part.trim_matches('`').to_owned())
        .collect()
}

/// The first name in backticks, as its parts.
fn quoted(text: &str) -> Option<Vec<String>> {
    let mut rest = &text[text.find('`')?..];
    let mut parts = Vec::new();
    while let Some(quoted) = rest.strip_prefix('`') {
        let (part, after) = quoted.split_once('`')?;
        parts.push(part.to_owned());
        rest = after.strip_prefix('.').unwrap_or_default();
    }
    (!parts.is_empty()).then_some(parts)
}
