//! What is configured.

use headwater_extractor::{Config, ConfigKey, Diagnostic, ExtractError, Location, Severity};

use crate::kind::Kind;
use crate::naming::is_name;

pub(crate) const KEYS: &[ConfigKey] = &[
    ConfigKey {
        name: "account",
        description: "Snowflake's account, <organization>-<account>: the namespace of its datasets is snowflake://<account>",
    },
    ConfigKey {
        name: "dbt_job_namespace",
        description: "OpenLineage namespace of the jobs that dbt's comments name; job_namespace if absent. The name of the dbt project makes them the jobs of the dbt extractor",
    },
    ConfigKey {
        name: "ends",
        description: "nothing, the default: what the export does not show goes on; absent: it ends",
    },
    ConfigKey {
        name: "host",
        description: "Databricks' workspace host: the namespace of its datasets is unitycatalog://<host>",
    },
    ConfigKey {
        name: "job_key",
        description: "labels (BigQuery) or keys of query tags that are JSON (Snowflake), with commas between: their values together name the job. * stands for the whole query tag",
    },
    ConfigKey {
        name: "job_namespace",
        description: "OpenLineage namespace of the jobs; that of the datasets if absent",
    },
    ConfigKey {
        name: "jobs_max",
        description: "how many jobs are stated, those that ran last first; 10000 if absent",
    },
    ConfigKey {
        name: "kind",
        description: "whose history the files are: snowflake, bigquery, databricks; auto, the default, tells it by their columns",
    },
    ConfigKey {
        name: "namespace",
        description: "OpenLineage namespace of the datasets, for example snowflake://acme-eu; overrides account and host",
    },
    ConfigKey {
        name: "reads",
        description: "named, the default: of statements that only read, those that a tool or a label names are jobs; all; none",
    },
    ConfigKey {
        name: "runs_max",
        description: "how many runs of a job are stated, the last ones; 20 if absent",
    },
    ConfigKey {
        name: "sources",
        description: "direct, the default: what Snowflake's statements name, views among them; base: the tables behind it",
    },
    ConfigKey {
        name: "users",
        description: "keep, the default: who ran a job is told in its facet; drop: it is not",
    },
    ConfigKey {
        name: "workspace",
        description: "name of the Databricks workspace, in the namespace of its file system, dbfs://<workspace>",
    },
];

/// Which statements that only read are jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    None,
    Named,
    All,
}

/// The configuration, checked.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) kind: Option<Kind>,
    pub(crate) namespace: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) workspace: Option<String>,
    pub(crate) job_namespace: Option<String>,
    pub(crate) dbt_job_namespace: Option<String>,
    pub(crate) job_key: Vec<String>,
    pub(crate) reads: Reads,
    pub(crate) is_base: bool,
    pub(crate) keeps_users: bool,
    pub(crate) ends_absent: bool,
    pub(crate) jobs_max: usize,
    pub(crate) runs_max: usize,
}

impl Options {
    /// # Errors
    /// [`ExtractError::Malformed`] names the key and what it may be.
    pub(crate) fn parse(config: &str) -> Result<Self, ExtractError> {
        let config = Config::parse(config, KEYS)?;
        for key in [
            "account",
            "dbt_job_namespace",
            "host",
            "job_namespace",
            "namespace",
            "workspace",
        ] {
            if config.get(key).is_some_and(|value| !is_name(value)) {
                return Err(refused(format!(
                    "{key}: too long, or with control characters"
                )));
            }
        }
        let text = |key: &str| config.get(key).map(str::to_owned);
        let bare = |key: &str| {
            let text = config.get(key)?;
            let text = text.split_once("://").map_or(text, |(_, rest)| rest);
            Some(text.trim_end_matches('/').to_owned())
        };
        let kind = choice(
            &config,
            "kind",
            &[
                ("auto", None),
                ("snowflake", Some(Kind::Snowflake)),
                ("bigquery", Some(Kind::BigQuery)),
                ("databricks", Some(Kind::Databricks)),
            ],
        )?;
        let reads = [
            ("named", Reads::Named),
            ("all", Reads::All),
            ("none", Reads::None),
        ];
        let keys = config.get("job_key").unwrap_or_default().split(',');
        Ok(Self {
            kind,
            namespace: text("namespace"),
            account: bare("account"),
            host: bare("host"),
            workspace: bare("workspace"),
            job_namespace: text("job_namespace"),
            dbt_job_namespace: text("dbt_job_namespace"),
            job_key: keys
                .map(|key| key.trim().to_owned())
                .filter(|key| !key.is_empty())
                .collect(),
            reads: choice(&config, "reads", &reads)?,
            is_base: choice(&config, "sources", &[("direct", false), ("base", true)])?,
            keeps_users: choice(&config, "users", &[("keep", true), ("drop", false)])?,
            ends_absent: choice(&config, "ends", &[("nothing", false), ("absent", true)])?,
            jobs_max: number(&config, "jobs_max", 10_000)?,
            runs_max: number(&config, "runs_max", 20)?,
        })
    }

    /// The namespace of a warehouse's datasets; none if nothing tells it.
    pub(crate) fn namespace(&self, kind: Kind) -> Option<String> {
        self.namespace.clone().or_else(|| match kind {
            Kind::Snowflake => self
                .account
                .as_ref()
                .map(|account| format!("snowflake://{account}")),
            Kind::BigQuery => Some("bigquery".into()),
            Kind::Databricks => self
                .host
                .as_ref()
                .map(|host| format!("unitycatalog://{host}")),
        })
    }
}

/// One of several values; the first is meant where nothing is configured.
fn choice<T: Copy>(config: &Config, key: &str, values: &[(&str, T)]) -> Result<T, ExtractError> {
    let given = config.get(key).unwrap_or(values[0].0);
    let found = values.iter().find(|(name, _)| *name == given);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = values.iter().map(|(name, _)| *name).collect();
        refused(format!(
            "{key}: expected {}, found `{given}`",
            names.join(", ")
        ))
    })
}

fn number(config: &Config, key: &str, default: usize) -> Result<usize, ExtractError> {
    const MAX: usize = 1_000_000;
    let Some(given) = config.get(key) else {
        return Ok(default);
    };
    let parsed = given.parse().ok().filter(|number| *number <= MAX);
    parsed.ok_or_else(|| {
        refused(format!(
            "{key}: expected a number up to {MAX}, found `{given}`"
        ))
    })
}

fn refused(message: String) -> ExtractError {
    ExtractError::Malformed(Diagnostic {
        severity: Severity::Error,
        code: "config/value".into(),
        message,
        at: Some(Location {
            artifact: "config".into(),
            pointer: None,
            byte_offset: None,
            line: None,
            column: None,
        }),
    })
}
