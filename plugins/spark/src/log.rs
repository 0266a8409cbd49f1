//! Events of a log: one JSON object a line.

use std::borrow::Cow;
use std::collections::BTreeMap;

use headwater_extractor::{Diagnostic, Location, Severity};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Executions that are read of one application.
const EXECUTIONS_MAX: usize = 100_000;
/// The longest plan that is kept, as text or as a tree.
const PLAN_BYTES_MAX: usize = 4 << 20;
/// Properties that are looked at. Others may be secrets.
const PROPERTIES: &[&str] = &[
    "spark.hadoop.hive.metastore.uris",
    "spark.hive.metastore.uris",
    "spark.sql.catalogImplementation",
];

/// An application, as its log tells it.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) attempt: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) started_ms: Option<i64>,
    pub(crate) ended_ms: Option<i64>,
    pub(crate) newest_ms: Option<i64>,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) executions: BTreeMap<i64, Execution>,
    /// The execution of each of Spark's jobs that is not over.
    jobs: BTreeMap<i64, i64>,
    pub(crate) at: Location,
    pub(crate) problems: Vec<Diagnostic>,
    pub(crate) events_count: usize,
}

/// An execution of SQL or of a Dataset.
#[derive(Clone, Debug)]
pub(crate) struct Execution {
    pub(crate) root_id: i64,
    /// The plan as text, the last that was told.
    pub(crate) text: String,
    /// The plan as a tree, in JSON.
    pub(crate) tree: String,
    pub(crate) started_ms: Option<i64>,
    pub(crate) ended_ms: Option<i64>,
    pub(crate) is_failed: bool,
    pub(crate) error: Option<String>,
    pub(crate) at: Location,
}

#[derive(Deserialize)]
struct Event<'l> {
    #[serde(rename = "Event", borrow)]
    name: Cow<'l, str>,
    #[serde(rename = "Spark Version", borrow)]
    version: Option<Cow<'l, str>>,
    #[serde(rename = "App Name")]
    app_name: Option<String>,
    #[serde(rename = "App ID")]
    app_id: Option<String>,
    #[serde(rename = "App Attempt ID")]
    attempt: Option<String>,
    #[serde(rename = "User")]
    user: Option<String>,
    #[serde(rename = "Timestamp")]
    timestamp: Option<i64>,
    #[serde(rename = "Spark Properties", borrow)]
    spark_properties: Option<&'l RawValue>,
    #[serde(rename = "Properties", borrow)]
    properties: Option<&'l RawValue>,
    #[serde(rename = "Job ID")]
    job_id: Option<i64>,
    #[serde(rename = "Job Result", borrow)]
    job_result: Option<&'l RawValue>,
    #[serde(rename = "executionId")]
    execution_id: Option<i64>,
    #[serde(rename = "rootExecutionId")]
    root_execution_id: Option<i64>,
    #[serde(rename = "physicalPlanDescription")]
    text: Option<String>,
    #[serde(rename = "sparkPlanInfo", borrow)]
    tree: Option<&'l RawValue>,
    time: Option<i64>,
    #[serde(rename = "errorMessage")]
    error: Option<String>,
}

/// Events that say something here; most of a log are tasks and stages.
const EVENTS: &[&str] = &[
    "SparkListenerLogStart",
    "SparkListenerApplicationStart",
    "SparkListenerApplicationEnd",
    "SparkListenerEnvironmentUpdate",
    "SparkListenerJobStart",
    "SparkListenerJobEnd",
    "SparkListenerSQLExecutionStart",
    "SparkListenerSQLExecutionEnd",
    "SparkListenerSQLAdaptiveExecutionUpdate",
];

impl Application {
    pub(crate) fn new(artifact: &str) -> Self {
        Self {
            id: None,
            name: None,
            attempt: None,
            user: None,
            version: None,
            started_ms: None,
            ended_ms: None,
            newest_ms: None,
            properties: BTreeMap::new(),
            executions: BTreeMap::new(),
            jobs: BTreeMap::new(),
            at: place(artifact, None),
            problems: Vec::new(),
            events_count: 0,
        }
    }

    pub(crate) fn told(&mut self, severity: Severity, code: &str, message: String, at: Location) {
        self.problems.push(Diagnostic {
            severity,
            code: code.into(),
            message,
            at: Some(at),
        });
    }

    /// Reads a log, or the next part of one.
    pub(crate) fn read(&mut self, artifact: &str, bytes: &[u8]) {
        let (mut broken_count, mut first_broken) = (0_usize, None);
        let lines = bytes.split(|byte| *byte == b'\n');
        for (number, line) in lines.enumerate() {
            if line.trim_ascii().is_empty() || !is_wanted(line) {
                continue;
            }
            let at = place(artifact, u32::try_from(number + 1).ok());
            if let Ok(event) = serde_json::from_slice::<Event>(line) {
                self.event(event, at);
            } else {
                broken_count += 1;
                first_broken.get_or_insert(at);
            }
        }
        if let Some(at) = first_broken {
            let message =
                format!("lines that are no events of Spark are left out ({broken_count})");
            self.told(Severity::Warning, "spark/event", message, at);
        }
    }

    fn event(&mut self, event: Event<'_>, at: Location) {
        self.events_count += 1;
        self.newest_ms = self.newest_ms.max(event.timestamp).max(event.time);
        match event.name.rsplit('.').next().unwrap_or_default() {
            "SparkListenerLogStart" => self.version = event.version.map(Cow::into_owned),
            "SparkListenerApplicationStart" => {
                self.name = event.app_name;
                self.id = event.app_id;
                self.attempt = event.attempt;
                self.user = event.user;
                self.started_ms = event.timestamp;
                self.at = at;
            }
            "SparkListenerApplicationEnd" => self.ended_ms = event.timestamp,
            "SparkListenerEnvironmentUpdate" => {
                for (key, value) in texts(event.spark_properties) {
                    if PROPERTIES.contains(&key.as_str()) {
                        self.properties.insert(key, value);
                    }
                }
            }
            "SparkListenerJobStart" => {
                let id = texts(event.properties).remove("spark.sql.execution.id");
                let id = id.and_then(|id| id.parse().ok());
                if let (Some(job), Some(execution)) = (event.job_id, id) {
                    self.jobs.insert(job, execution);
                }
            }
            "SparkListenerJobEnd" => {
                let execution = event.job_id.and_then(|job| self.jobs.remove(&job));
                let execution = execution.and_then(|id| self.executions.get_mut(&id));
                let is_failed = event
                    .job_result
                    .is_some_and(|result| result.get().contains("\"JobFailed\""));
                if let Some(execution) = execution {
                    execution.is_failed |= is_failed;
                }
            }
            "SparkListenerSQLExecutionStart" => self.started(event, at),
            "SparkListenerSQLAdaptiveExecutionUpdate" => {
                let execution = event
                    .execution_id
                    .and_then(|id| self.executions.get_mut(&id));
                if let Some(execution) = execution {
                    execution.plan(event.text, event.tree);
                }
            }
            "SparkListenerSQLExecutionEnd" => {
                let execution = event
                    .execution_id
                    .and_then(|id| self.executions.get_mut(&id));
                if let Some(execution) = execution {
                    execution.ended_ms = event.time;
                    match event.error {
                        // Of a version that says so: nothing is wrong, whatever jobs were tried again.
                        Some(error) if error.is_empty() => execution.is_failed = false,
                        Some(error) => {
                            execution.is_failed = true;
                            execution.error = Some(error_class(&error));
                        }
                        None => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn started(&mut self, event: Event<'_>, at: Location) {
        let Some(id) = event.execution_id else {
            return;
        };
        if self.executions.len() >= EXECUTIONS_MAX {
            if self.executions.len() == EXECUTIONS_MAX
                && !self
                    .problems
                    .iter()
                    .any(|found| found.code == "spark/too-many-executions")
            {
                let message = format!("executions after the first {EXECUTIONS_MAX} are left out");
                self.told(Severity::Warning, "spark/too-many-executions", message, at);
            }
            return;
        }
        let mut execution = Execution {
            root_id: event
                .root_execution_id
                .filter(|root| *root >= 0)
                .unwrap_or(id),
            text: String::new(),
            tree: String::new(),
            started_ms: event.time,
            ended_ms: None,
            is_failed: false,
            error: None,
            at,
        };
        execution.plan(event.text, event.tree);
        self.executions.insert(id, execution);
    }
}

impl Execution {
    fn plan(&mut self, text: Option<String>, tree: Option<&RawValue>) {
        if let Some(text) = text.filter(|text| text.len() <= PLAN_BYTES_MAX) {
            self.text = text;
        }
        if let Some(tree) = tree
            .map(RawValue::get)
            .filter(|tree| tree.len() <= PLAN_BYTES_MAX)
        {
            tree.clone_into(&mut self.tree);
        }
    }
}

/// True if a line may be an event that says something here.
fn is_wanted(line: &[u8]) -> bool {
    let Some(rest) = line.trim_ascii_start().strip_prefix(b"{\"Event\":\"") else {
        return true;
    };
    let name = rest.split(|byte| *byte == b'"').next().unwrap_or_default();
    let name = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    EVENTS.iter().any(|event| event.as_bytes() == name)
}

/// The members of an object that are texts.
fn texts(object: Option<&RawValue>) -> BTreeMap<String, String> {
    let object = object.and_then(|object| serde_json::from_str(object.get()).ok());
    object.unwrap_or_default()
}

/// What an error begins with, its class or a few words, and Spark's name for it: what follows may repeat values.
fn error_class(error: &str) -> String {
    const CHARS_MAX: usize = 200;
    let is_plain = |c: char| c.is_ascii_alphabetic() || matches!(c, '.' | '_' | '$' | ' ');
    let begin = error
        .split([':', '\n', '['])
        .next()
        .unwrap_or_default()
        .trim();
    let begin: String = begin
        .chars()
        .take_while(|c| is_plain(*c))
        .take(CHARS_MAX)
        .collect();
    let condition = error
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'));
    let is_condition = |name: &&str| {
        let is_part =
            |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
        !name.is_empty() && name.len() <= CHARS_MAX && name.chars().all(is_part)
    };
    match condition.map(|(name, _)| name).filter(is_condition) {
        Some(condition) => format!("{begin} [{condition}]").trim().to_owned(),
        None => begin.trim().to_owned(),
    }
}

pub(crate) fn place(artifact: &str, line: Option<u32>) -> Location {
    Location {
        artifact: artifact.into(),
        pointer: None,
        byte_offset: None,
        line,
        column: None,
    }
}
