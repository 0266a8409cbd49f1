//! Operators' rules of identity, in the log and as JSON.

use std::sync::Arc;

use headwater_model::{IdentityRule, IdentityRules, RewrittenPart};
use serde::{Deserialize, Serialize};

use crate::RecordError;

/// The operators' rules: in the log as a part of the mesh, and as JSON between client and service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdentityRecord {
    /// True if jobs that report one dbt model are one job.
    #[serde(default = "yes")]
    pub folds_jobs: bool,
    /// The rules, in order.
    #[serde(default)]
    pub rules: Vec<RuleRecord>,
}

fn yes() -> bool {
    true
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum RuleRecord {
    /// [`IdentityRule::Host`]
    #[allow(missing_docs)]
    Host { from: Arc<str>, to: Arc<str> },
    /// [`IdentityRule::Account`]
    #[allow(missing_docs)]
    Account {
        namespace: Arc<str>,
        account: Arc<str>,
    },
    /// [`IdentityRule::Catalog`]
    #[allow(missing_docs)]
    Catalog {
        namespace: Arc<str>,
        catalog: Arc<str>,
        to: Arc<str>,
    },
    /// [`IdentityRule::Database`]
    #[allow(missing_docs)]
    Database {
        namespace: Arc<str>,
        database: Arc<str>,
        to: Arc<str>,
    },
    /// [`IdentityRule::Default`]
    #[allow(missing_docs)]
    Default {
        namespace: Arc<str>,
        database: Option<Arc<str>>,
        schema: Option<Arc<str>>,
    },
    /// [`IdentityRule::Connection`]
    #[allow(missing_docs)]
    Connection {
        connection: Arc<str>,
        namespace: Arc<str>,
        database: Option<Arc<str>>,
        schema: Option<Arc<str>>,
    },
    /// [`IdentityRule::Rewrite`]
    #[allow(missing_docs)]
    Rewrite {
        name: Arc<str>,
        part: Arc<str>,
        namespace: Option<Arc<str>>,
        pattern: Arc<str>,
        replacement: Arc<str>,
    },
}

impl IdentityRecord {
    /// The record of rules.
    pub fn of(rules: &IdentityRules) -> Self {
        Self {
            folds_jobs: rules.folds_jobs,
            rules: rules.rules.iter().map(rule_record).collect(),
        }
    }

    /// The rules of a record.
    ///
    /// # Errors
    /// [`RecordError::Unknown`] if a rewrite looks at a part that names don't have.
    pub fn into_rules(self) -> Result<IdentityRules, RecordError> {
        Ok(IdentityRules {
            folds_jobs: self.folds_jobs,
            rules: self.rules.into_iter().map(rule).collect::<Result<_, _>>()?,
        })
    }
}

fn rule_record(rule: &IdentityRule) -> RuleRecord {
    match rule.clone() {
        IdentityRule::Host { from, to } => RuleRecord::Host { from, to },
        IdentityRule::Account { namespace, account } => RuleRecord::Account { namespace, account },
        IdentityRule::Catalog {
            namespace,
            catalog,
            to,
        } => RuleRecord::Catalog {
            namespace,
            catalog,
            to,
        },
        IdentityRule::Database {
            namespace,
            database,
            to,
        } => RuleRecord::Database {
            namespace,
            database,
            to,
        },
        IdentityRule::Default {
            namespace,
            database,
            schema,
        } => RuleRecord::Default {
            namespace,
            database,
            schema,
        },
        IdentityRule::Connection {
            connection,
            namespace,
            database,
            schema,
        } => RuleRecord::Connection {
            connection,
            namespace,
            database,
            schema,
        },
        IdentityRule::Rewrite {
            name,
            part,
            namespace,
            pattern,
            replacement,
        } => RuleRecord::Rewrite {
            name,
            part: part.as_str().into(),
            namespace,
            pattern,
            replacement,
        },
    }
}

fn rule(record: RuleRecord) -> Result<IdentityRule, RecordError> {
    Ok(match record {
        RuleRecord::Host { from, to } => IdentityRule::Host { from, to },
        RuleRecord::Account { namespace, account } => IdentityRule::Account { namespace, account },
        RuleRecord::Catalog {
            namespace,
            catalog,
            to,
        } => IdentityRule::Catalog {
            namespace,
            catalog,
            to,
        },
        RuleRecord::Database {
            namespace,
            database,
            to,
        } => IdentityRule::Database {
            namespace,
            database,
            to,
        },
        RuleRecord::Default {
            namespace,
            database,
            schema,
        } => IdentityRule::Default {
            namespace,
            database,
            schema,
        },
        RuleRecord::Connection {
            connection,
            namespace,
            database,
            schema,
        } => IdentityRule::Connection {
            connection,
            namespace,
            database,
            schema,
        },
        RuleRecord::Rewrite {
            name,
            part,
            namespace,
            pattern,
            replacement,
        } => IdentityRule::Rewrite {
            name,
            part: RewrittenPart::parse(&part).ok_or_else(|| RecordError::Unknown {
                what: "part of a name",
                found: part.to_string(),
            })?,
            namespace,
            pattern,
            replacement,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_survive_the_log_and_json() {
        let rules = IdentityRules {
            folds_jobs: false,
            rules: vec![
                IdentityRule::Host {
                    from: "a".into(),
                    to: "b".into(),
                },
                IdentityRule::Default {
                    namespace: "postgres://db".into(),
                    database: None,
                    schema: Some("public".into()),
                },
                IdentityRule::Rewrite {
                    name: "pr".into(),
                    part: RewrittenPart::Schema,
                    namespace: None,
                    pattern: "^x".into(),
                    replacement: "y".into(),
                },
            ],
        };
        let record = IdentityRecord::of(&rules);
        let json = serde_json::to_string(&record).expect("JSON");
        let read: IdentityRecord = serde_json::from_str(&json).expect("a record");
        assert_eq!(read.into_rules().expect("rules"), rules);
        let source = headwater_model::SourceKey::parse("orders/dbt").expect("a source");
        let daily = headwater_model::Cadence::parse("24h").expect("a cadence");
        let mesh = headwater_model::Mesh::default()
            .with_identity(Some(rules))
            .with_cadences([(source, daily)].into());
        let bytes = crate::encode_mesh(&mesh, headwater_model::Timestamp::EPOCH);
        let entry = crate::decode_entry(crate::LOG_VERSION, &bytes).expect("an entry");
        assert_eq!(
            entry,
            crate::LogEntry::Mesh(mesh, headwater_model::Timestamp::EPOCH)
        );
    }
}
