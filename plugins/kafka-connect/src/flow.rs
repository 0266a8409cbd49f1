//! What a connector moves: from where, to where.

use std::rc::Rc;

use headwater_extractor::{Diagnostic, Severity};

use crate::connector::Connector;
use crate::pattern::{Filter, Template};
use crate::record::{Origin, Record};
use crate::transform::Chain;

/// A dataset, or a pattern of datasets of one namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) namespace: String,
    pub(crate) kind: &'static str,
    pub(crate) name: Template,
}

impl End {
    pub(crate) fn new(
        namespace: impl Into<String>,
        kind: &'static str,
        name: impl Into<String>,
    ) -> Self {
        Self {
            namespace: namespace.into(),
            kind,
            name: Template::text(name),
        }
    }
}

/// What a connector does to a column before any transform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Dropped,
    Changed,
    Masked,
}

/// A column that a source does not pass on as it is.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// As the lists name it, maybe with the database.
    pub(crate) table: String,
    pub(crate) name: String,
    pub(crate) effect: Effect,
}

/// Which tables a source takes, by the part of a name that its lists look at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    pub(crate) tables: Filter,
    pub(crate) schemas: Filter,
    pub(crate) columns: Vec<Column>,
}

impl Guard {
    /// What becomes of the columns of a table, in Debezium's envelope.
    pub(crate) fn record(&self, table: &str) -> Record {
        let mut record = Record::envelope();
        for column in &self.columns {
            let is_meant = column.table == table
                || column
                    .table
                    .strip_suffix(table)
                    .is_some_and(|rest| rest.ends_with('.'));
            if !is_meant {
                continue;
            }
            if column.effect == Effect::Dropped {
                record.dropped.insert(column.name.clone());
                continue;
            }
            let origin = Origin {
                field: column.name.clone(),
                is_changed: true,
                is_masked: column.effect == Effect::Masked,
            };
            record.named.insert(column.name.clone(), origin);
        }
        record
    }

    /// Whether the lists let a table through, as `schema.table`.
    pub(crate) fn admits(&self, table: &str) -> bool {
        let Some((schema, _)) = table.split_once('.') else {
            return false;
        };
        self.schemas.admits(schema) && self.tables.admits(table)
    }
}

/// A field of one end comes from a field of the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    /// Whether it is direct, and the subtype.
    pub(crate) how: Vec<(bool, &'static str)>,
    pub(crate) is_masking: bool,
}

/// One dataset, or pattern of datasets, that goes to another one.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) from: Option<End>,
    pub(crate) to: Option<End>,
    /// The key of the configuration that says so.
    pub(crate) key: &'static str,
    pub(crate) record: Record,
    /// Fields that are known otherwise than by transforms.
    pub(crate) moves: Vec<Move>,
    /// For patterns: which tables are meant, behind this many bytes of their names.
    pub(crate) guard: Option<(Rc<Guard>, usize)>,
    /// Whether the connector makes what it writes.
    pub(crate) is_made: bool,
}

impl Flow {
    pub(crate) fn new(from: Option<End>, to: Option<End>, key: &'static str) -> Self {
        Self {
            from,
            to,
            key,
            record: Record::default(),
            moves: Vec::new(),
            guard: None,
            is_made: true,
        }
    }
}

/// A connector that is being read.
#[derive(Debug)]
pub(crate) struct Reading<'c> {
    pub(crate) connector: &'c Connector,
    /// The namespace of topics.
    pub(crate) kafka: String,
    pub(crate) chain: Chain,
    pub(crate) flows: Vec<Flow>,
    pub(crate) found: Vec<Diagnostic>,
}

impl Reading<'_> {
    pub(crate) fn warn(&mut self, code: &str, key: &str, message: &str) {
        let told = self.connector.told(Severity::Warning, code, key, message);
        self.found.push(told);
    }

    pub(crate) fn info(&mut self, code: &str, key: &str, message: &str) {
        let told = self.connector.told(Severity::Info, code, key, message);
        self.found.push(told);
    }

    pub(crate) fn topic(&self, name: Template) -> End {
        End {
            namespace: self.kafka.clone(),
            kind: "TOPIC",
            name,
        }
    }

    /// What a source reads goes to a topic, by the transforms.
    pub(crate) fn produce(&mut self, flow: &Flow, topic: &Template) {
        let outcome = self.chain.apply(topic, flow.record.clone());
        if outcome.topics.is_empty() || outcome.unknown.is_some() {
            self.flows.push(Flow {
                to: None,
                ..flow.clone()
            });
        }
        if let Some(step) = &outcome.unknown
            && outcome.topics.is_empty()
        {
            let message = format!(
                "which topics `{step}` makes of {} is not known",
                topic.glob()
            );
            self.warn("unknown-topic", "transforms", &message);
        }
        for topic in outcome.topics {
            self.flows.push(Flow {
                to: Some(self.topic(topic)),
                record: outcome.record.clone(),
                ..flow.clone()
            });
        }
    }

    /// A key that is needed and not there.
    pub(crate) fn missing(&mut self, key: &str, what: &str) {
        let message = format!("`{key}` is missing: {what}");
        self.warn("missing-key", "connector.class", &message);
    }
}
