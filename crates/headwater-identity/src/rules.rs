//! The rules, in the order in which they are tried.

use crate::work::{self, Work};

/// One rule: when it applies, and what it does then.
pub struct Rule {
    /// What it is called where steps are shown.
    pub name: &'static str,
    /// When it applies.
    pub when: &'static str,
    /// What it does.
    pub does: &'static str,
    /// True if operators say to what it applies.
    pub is_configured: bool,
    /// Applies it, and says what it did; none if it does not apply.
    pub(crate) apply: fn(&mut Work<'_>) -> Option<String>,
}

const fn built_in(
    name: &'static str,
    when: &'static str,
    does: &'static str,
    apply: fn(&mut Work<'_>) -> Option<String>,
) -> Rule {
    Rule {
        name,
        when,
        does,
        is_configured: false,
        apply,
    }
}

const fn configured(
    name: &'static str,
    when: &'static str,
    does: &'static str,
    apply: fn(&mut Work<'_>) -> Option<String>,
) -> Rule {
    Rule {
        is_configured: true,
        ..built_in(name, when, does, apply)
    }
}

/// The rule from which on a name is looked at as well: those before it look at the namespace alone.
pub(crate) const FIRST_OF_NAMES: &str = "account";

/// Every rule, in order.
pub const RULES: &[Rule] = &[
    built_in(
        "uri-in-name",
        "a name is a whole URI of a known platform",
        "the URI is taken apart into namespace and name",
        work::uri_in_name,
    ),
    configured(
        "connection",
        "a namespace is, or has in it, the id by which a tool calls a connection",
        "the namespace, database and schema that it connects to stand instead",
        work::connection,
    ),
    built_in(
        "jdbc",
        "a namespace is a connection string of JDBC",
        "driver and address stay; database and schema are kept for names that leave them out; all else is dropped",
        work::jdbc,
    ),
    built_in(
        "scheme",
        "a platform's scheme has several spellings",
        "one of them stands for all: postgresql is postgres, s3a and s3n are s3",
        work::scheme,
    ),
    built_in(
        "credentials",
        "a namespace has a user, a password or parameters",
        "they are dropped",
        work::credentials,
    ),
    built_in(
        "host-case",
        "a namespace has a host",
        "it is written in lower case",
        work::host_case,
    ),
    built_in(
        "account-suffix",
        "a namespace of Snowflake names the account's host",
        "snowflakecomputing.com is dropped",
        work::account_suffix,
    ),
    built_in(
        "default-port",
        "a host has no port, and the platform has one by default",
        "that one is added",
        work::default_port,
    ),
    configured(
        "host",
        "a host is an alias of another",
        "the other one stands instead",
        work::host,
    ),
    built_in(
        "brokers",
        "a namespace of Kafka names brokers that any list names together",
        "the first in byte order stands for the cluster",
        work::brokers,
    ),
    configured(
        "account",
        "a namespace is an alias of another account, or a region of Athena whose AWS account is known",
        "the other account stands instead; for Athena's own catalog, the table of AWS Glue",
        work::account,
    ),
    configured(
        "rewrite",
        "a namespace matches the regular expression of a rewrite of namespaces",
        "what matched is replaced",
        work::rewrite_namespace,
    ),
    built_in(
        "namespace-path",
        "a namespace goes on behind its authority",
        "of a database, what follows are database and schema of names that leave them out; of files, the path goes on in the name",
        work::namespace_path,
    ),
    built_in(
        "slashes",
        "a name of a platform with dotted names has slashes instead, in the right number",
        "they become dots",
        work::slashes,
    ),
    built_in(
        "path",
        "a name of files or objects has slashes around it, or ends in patterns and key=value partitions",
        "they are dropped",
        work::path,
    ),
    configured(
        "rewrite",
        "the part of a name that a rewrite looks at matches its regular expression",
        "what matched is replaced",
        work::rewrite_name,
    ),
    built_in(
        "folding",
        "a platform folds the case of identifiers",
        "they are folded as it does: quoted ones differ from bare ones where it says so",
        work::folding,
    ),
    configured(
        "default",
        "a name has fewer parts than its platform's names, and what is meant is known",
        "the missing parts are added",
        work::defaults,
    ),
    configured(
        "catalog",
        "a catalog of a query engine shows what another namespace holds",
        "the name there stands instead",
        work::catalog,
    ),
    configured(
        "database",
        "a database is reached through another namespace than its own",
        "its own stands instead",
        work::database,
    ),
    built_in(
        "scope",
        "a database is a file with a relative path, or in memory, and no map names it",
        "the name means something only within its domain",
        work::scope,
    ),
];
