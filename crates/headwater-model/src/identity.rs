//! Which names the operators of a mesh say to be one dataset, beyond what follows from how names are spelled.

use std::fmt;

use crate::Text;

/// The part of a name that a rewrite looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RewrittenPart {
    /// The namespace.
    Namespace,
    /// The database, catalog or project of a name that has one.
    Database,
    /// The schema, which is the last part but one.
    Schema,
    /// The last part.
    Table,
    /// The whole name.
    Name,
}

impl RewrittenPart {
    /// All parts.
    pub const ALL: [Self; 5] = [
        Self::Namespace,
        Self::Database,
        Self::Schema,
        Self::Table,
        Self::Name,
    ];

    /// As the mesh file writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Database => "database",
            Self::Schema => "schema",
            Self::Table => "table",
            Self::Name => "name",
        }
    }

    /// Reads what [`Self::as_str`] gives.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.as_str() == text)
    }
}

impl fmt::Display for RewrittenPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One rule of an operator. Namespaces are compared in their normal form, so that any spelling of them will do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentityRule {
    /// Two names of one host: with a port for that port, without for all.
    Host {
        /// The other name, `db.prod.svc` or `db.prod.svc:5432`.
        from: Text,
        /// The name that stands for both.
        to: Text,
    },
    /// Two names of one account.
    Account {
        /// A namespace, `snowflake://xy12345.eu-central-1.aws` or `awsathena://athena.eu-central-1.amazonaws.com`.
        namespace: Text,
        /// The namespace that stands for both; for Athena, the number of the AWS account whose Glue catalog it reads.
        account: Text,
    },
    /// A catalog of a query engine that shows what another system holds.
    Catalog {
        /// The engine, `trino://t:8080`.
        namespace: Text,
        /// The catalog, `hive`.
        catalog: Text,
        /// The namespace that holds what it shows, `arn:aws:glue:eu-central-1:123`.
        to: Text,
    },
    /// A database that is reached through another namespace than its own.
    Database {
        /// The namespace through which it is reached.
        namespace: Text,
        /// The database.
        database: Text,
        /// Its own namespace.
        to: Text,
    },
    /// What is meant where names in a namespace leave it out.
    Default {
        /// The namespace.
        namespace: Text,
        /// The database.
        database: Option<Text>,
        /// The schema.
        schema: Option<Text>,
    },
    /// What a tool calls a connection or a database by an id of its own.
    Connection {
        /// The namespace that stands for the connection, or the UUID that such namespaces have in them.
        connection: Text,
        /// Where it connects to.
        namespace: Text,
        /// The database that it connects to.
        database: Option<Text>,
        /// The schema that is meant where a name has none.
        schema: Option<Text>,
    },
    /// A rewrite of one part of names by a regular expression.
    Rewrite {
        /// What the rule is called where it is shown.
        name: Text,
        /// The part that it looks at.
        part: RewrittenPart,
        /// The namespace whose names it rewrites; every one if absent.
        namespace: Option<Text>,
        /// The regular expression, which has to match somewhere in the part.
        pattern: Text,
        /// What stands instead of the match; `$1` is what the first group matched.
        replacement: Text,
    },
}

/// The operators' rules of identity, in the order in which they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityRules {
    /// True if jobs that report one dbt model are one job.
    pub folds_jobs: bool,
    /// The rules.
    pub rules: Vec<IdentityRule>,
}

impl IdentityRules {
    /// The most rules of a mesh.
    pub const RULES_MAX: usize = 10_000;
}

impl Default for IdentityRules {
    fn default() -> Self {
        Self {
            folds_jobs: true,
            rules: Vec::new(),
        }
    }
}
