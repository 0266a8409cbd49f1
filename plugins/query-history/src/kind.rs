//! Whose history a file is.

/// A warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Snowflake,
    BigQuery,
    Databricks,
}

/// A column that rows are told apart by, and columns of which one says what was read or written.
const COLUMNS: &[(Kind, &str, &[&str])] = &[
    (
        Kind::Snowflake,
        "query_id",
        &[
            "direct_objects_accessed",
            "base_objects_accessed",
            "objects_modified",
            "object_modified_by_ddl",
            "query_text",
        ],
    ),
    (
        Kind::BigQuery,
        "job_id",
        &[
            "referenced_tables",
            "destination_table",
            "destination_table.table_id",
        ],
    ),
    (
        Kind::Databricks,
        "event_time",
        &[
            "source_table_full_name",
            "target_table_full_name",
            "source_path",
            "target_path",
        ],
    ),
];

impl Kind {
    /// What a file with these columns is.
    pub(crate) fn of(columns: &[String]) -> Option<Self> {
        let found = COLUMNS.iter().find(|(kind, ..)| kind.is_of(columns));
        found.map(|(kind, ..)| *kind)
    }

    /// True if the columns are such that rows say anything.
    pub(crate) fn is_of(self, columns: &[String]) -> bool {
        let has = |name: &str| columns.iter().any(|column| column == name);
        COLUMNS
            .iter()
            .any(|(kind, key, any)| *kind == self && has(key) && any.iter().any(|name| has(name)))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Snowflake => "snowflake",
            Self::BigQuery => "bigquery",
            Self::Databricks => "databricks",
        }
    }

    /// What files of all kinds need.
    pub(crate) fn needed() -> String {
        let kinds = COLUMNS.iter().map(|(kind, key, any)| {
            format!("{}: {key} and one of {}", kind.name(), any.join(", "))
        });
        kinds.collect::<Vec<_>>().join("; ")
    }
}
