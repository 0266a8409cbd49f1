//! `BigQuery`: `INFORMATION_SCHEMA.JOBS` and its kin by user, folder and organization.

use std::borrow::Cow;

use headwater_extractor::RunState;
use serde_json::Value;
use sql_lineage::Dialect;

use crate::history::{History, job_of_keys};
use crate::kind::Kind;
use crate::model::{Execution, Named, Run, Sql, Table};
use crate::naming;
use crate::rows::{Row, items, member_text};
use crate::statement::{self, normalize};

/// Labels by which Airflow says which task runs a job.
const AIRFLOW: [&str; 2] = ["airflow-dag", "airflow-task"];

/// Reads a row.
pub(crate) fn read(row: &Row, history: &mut History<'_>) -> Result<Option<Execution>, String> {
    let Some(id) = row.text("job_id") else {
        return Err("no `job_id`".into());
    };
    let project = row.text("project_id").map(String::from);
    let labels = labels(row)?;
    let label = |key: &str| {
        let found = labels.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.clone())
    };
    let sql = row.text("query").map(|text| {
        let normal = normalize(&text, Dialect::BigQuery);
        (text.into_owned(), normal)
    });
    let airflow: Vec<String> = AIRFLOW.iter().map(|key| (*key).to_owned()).collect();
    let (job, how) = if let Some(name) = job_of_keys(&history.options.job_key, label) {
        (history.job(Kind::BigQuery, name), Named::ByTool)
    } else if let Some(node) = sql.as_ref().and_then(|(_, normal)| normal.dbt_node()) {
        (history.dbt_job(Kind::BigQuery, node), Named::ByTool)
    } else if let Some(name) = job_of_keys(&airflow, label) {
        (history.job(Kind::BigQuery, name), Named::ByTool)
    } else if let Some((_, normal)) = &sql {
        let scope = project.as_deref().unwrap_or_default();
        (
            history.job(Kind::BigQuery, normal.name(scope)),
            Named::ByStatement,
        )
    } else {
        (
            history.job(Kind::BigQuery, String::new()),
            Named::ByStatement,
        )
    };
    let mut execution = Execution::new(id.into_owned(), job, how, row.at.clone());
    execution.parent_id = row.text("parent_job_id").map(String::from);
    let verb = row.text("statement_type").or_else(|| row.text("job_type"));
    execution.verb = verb.map(String::from);
    execution.run = Some(run(row, history)?);
    if let Some(user) = row.text("user_email") {
        execution.circumstances.insert(("users", user.into_owned()));
    }
    if let Some(reservation) = row.text("reservation_id") {
        execution
            .circumstances
            .insert(("reservations", reservation.into_owned()));
    }
    let namespace = history.namespace(Kind::BigQuery).to_owned();
    let referenced = row.json("referenced_tables")?;
    for table in referenced.as_deref().map(items).unwrap_or_default() {
        let parts = ["project_id", "dataset_id", "table_id"].map(|key| member_text(table, key));
        match name(parts) {
            Some(name) if name.contains('*') => {
                execution.patterns.insert((namespace.clone(), name));
            }
            Some(name) => {
                execution
                    .reads
                    .insert(naming::table(&namespace, &name, "TABLE"));
            }
            None => {}
        }
    }
    execution.writes.extend(destination(row, &namespace)?);
    execution.sql = sql.map(|(text, normal)| Sql {
        text,
        normal: normal.text,
        dialect: Dialect::BigQuery,
        database: project,
        schema: None,
    });
    let creates = execution
        .verb
        .as_deref()
        .is_some_and(|verb| verb.to_uppercase().starts_with("CREATE"));
    // Statements of a script are jobs of their own.
    execution.needs_sql = execution.sql.is_some()
        && execution.verb.as_deref() != Some("SCRIPT")
        && (creates || !execution.writes.is_empty());
    Ok(Some(execution))
}

/// Key and value of each label: a list of such, or an object.
fn labels(row: &Row) -> Result<Vec<(String, String)>, String> {
    let Some(labels) = row.json("labels")? else {
        return Ok(Vec::new());
    };
    if let Value::Object(members) = labels.as_ref()
        && !members.contains_key("key")
    {
        let texts = members.iter();
        let texts =
            texts.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        return Ok(texts.collect());
    }
    let pairs = items(&labels).iter().filter_map(|label| {
        let (key, value) = (member_text(label, "key")?, member_text(label, "value")?);
        Some((key.into_owned(), value.into_owned()))
    });
    Ok(pairs.collect())
}

fn run(row: &Row, history: &mut History<'_>) -> Result<Run, String> {
    let error = row.json("error_result")?;
    let said = |key: &str| {
        let of_record = error.as_deref().and_then(|error| member_text(error, key));
        let text = of_record.or_else(|| row.text(&format!("error_result.{key}")));
        text.map(String::from)
    };
    let (reason, message) = (said("reason"), said("message"));
    let is_failed = reason.is_some() || message.is_some();
    let state = match row
        .text("state")
        .as_deref()
        .map(str::to_uppercase)
        .as_deref()
    {
        _ if reason.as_deref() == Some("stopped") => RunState::Abort,
        _ if is_failed => RunState::Fail,
        Some("PENDING") => RunState::Start,
        Some("RUNNING") => RunState::Running,
        Some("DONE") | None => RunState::Complete,
        Some(_) => RunState::Other,
    };
    let message = message.map(|text| statement::message(&text));
    let message = match (reason, message) {
        (Some(reason), Some(message)) => Some(format!("{reason}: {message}")),
        (reason, message) => reason.or(message),
    };
    let mut at = |column: &str| history.time(row, column);
    Ok(Run {
        id: row.text("job_id").unwrap_or_default().into_owned(),
        state: Some(state),
        started_ms: at("start_time").or_else(|| at("creation_time")),
        ended_ms: at("end_time"),
        message,
    })
}

/// What the job wrote, unless that is where results are kept for a day.
fn destination(row: &Row, namespace: &str) -> Result<Option<Table>, String> {
    let record = if row.has("destination_table") {
        row.json("destination_table")?
    } else {
        None
    };
    let parts = ["project_id", "dataset_id", "table_id"].map(|key| match record.as_deref() {
        Some(record) => member_text(record, key),
        None => row.text(&format!("destination_table.{key}")),
    });
    Ok(name(parts).map(|name| naming::table(namespace, &name, "TABLE")))
}

/// The full name of a table, without partition or point in time; none for what is hidden or not a table.
fn name(parts: [Option<Cow<'_, str>>; 3]) -> Option<String> {
    let [Some(project), Some(dataset), Some(table)] = parts else {
        return None;
    };
    // Datasets that begin so are hidden: of results, of sessions, of scripts.
    if dataset.starts_with('_') || dataset.eq_ignore_ascii_case("INFORMATION_SCHEMA") {
        return None;
    }
    let table = table.split(['$', '@']).next().unwrap_or_default();
    if table.is_empty() || table.to_uppercase().starts_with("INFORMATION_SCHEMA") {
        return None;
    }
    Some(format!("{project}.{dataset}.{table}"))
}
