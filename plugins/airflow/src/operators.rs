//! A task: its order, what it says of assets, and what its operator's fields mean.

use headwater_extractor::Severity;
use serde_json::{Map, Value};

use crate::dag::{Of, cut};
use crate::model::{Model, Query, Table};
use crate::{decode, transfers};

/// Fields that hold SQL. Source: the operators of Airflow's providers.
const SQL_FIELDS: &[&str] = &["sql", "hql", "query", "sqls", "queries"];

/// Where what a mapped task expands stands.
const EXPANDED: &str = "/expand_input/value";

/// A task's fields, which may hide in those that all its copies share.
pub(crate) struct Task<'v> {
    /// Itself first.
    parts: Vec<&'v Value>,
    /// Their pointers below the task.
    pointers: Vec<&'static str>,
}

impl<'v> Task<'v> {
    fn of(task: &'v Value) -> Self {
        let mut parts = vec![task];
        let mut pointers = vec![""];
        // Mapped: arguments that are the same for all copies, then those that make the copies.
        for (key, pointer) in [
            ("partial_kwargs", "/partial_kwargs"),
            ("expand_input", EXPANDED),
            ("mapped_kwargs", "/mapped_kwargs"),
        ] {
            let Some(part) = decode::member(task, key) else {
                continue;
            };
            let part = match key {
                "expand_input" => decode::member(part, "value"),
                _ => Some(part),
            };
            if let Some(part) = part.filter(|part| decode::object(part).is_some()) {
                parts.push(part);
                pointers.push(pointer);
            }
        }
        Self { parts, pointers }
    }

    /// A field and the pointer of the part that has it.
    pub(crate) fn get(&self, key: &str) -> Option<(&'v Value, &'static str)> {
        let mut parts = self.parts.iter().zip(&self.pointers);
        parts.find_map(|(part, pointer)| Some((decode::member(part, key)?, *pointer)))
    }

    /// A text that a run need not fill in.
    pub(crate) fn text(&self, key: &str) -> Option<&'v str> {
        let text = decode::bare(self.get(key)?.0).as_str()?;
        let is_known =
            !text.trim().is_empty() && !decode::is_template(text) && !decode::is_truncated(text);
        is_known.then_some(text)
    }

    /// Texts that a run need not fill in.
    pub(crate) fn texts(&self, key: &str) -> Vec<&'v str> {
        let all = self
            .get(key)
            .map(|(value, _)| decode::texts(value))
            .unwrap_or_default();
        all.into_iter()
            .filter(|text| !decode::is_template(text) && !decode::is_truncated(text))
            .collect()
    }
}

/// Reads a task.
pub(crate) fn read(value: &Value, of: &Of<'_>, below: &str, model: &mut Model) {
    let at = of.at(below);
    let task = Task::of(value);
    let id = decode::text(value, "task_id").or_else(|| task.text("task_id"));
    let Some(task_id) = id.filter(|id| bi::is_name(&of.job_of(id))) else {
        let message = format!("a task of DAG {} has no task_id", of.dag_id);
        model.tell(
            Severity::Warning,
            "airflow/task",
            &format!("{}{below}", of.dag_id),
            message,
            &at,
        );
        return;
    };
    let name = of.job_of(task_id);
    let operator = decode::text(value, "_task_type")
        .or_else(|| decode::text(value, "task_type"))
        .unwrap_or_default();
    describe(&task, (of, &name, operator), below, model);
    for (key, is_output) in [("inlets", false), ("outlets", true)] {
        let Some((list, part)) = task.get(key) else {
            continue;
        };
        let found = model.assets_of(list);
        let place = of.at(&format!("{}{part}/{key}", wrapped(value, below)));
        let job = model.job(&name, "TASK", &place);
        let side = if is_output {
            &mut job.writes
        } else {
            &mut job.reads
        };
        for table in found {
            side.entry(table).or_insert_with(|| place.clone());
        }
    }
    let later = decode::member(value, "downstream_task_ids")
        .map(decode::texts)
        .unwrap_or_default();
    for later in later {
        let place = of.at(&format!("{}/downstream_task_ids", wrapped(value, below)));
        model.follows((&of.job_of(later), "TASK"), (&name, "TASK"), &place);
    }
    other_dags(&task, &name, operator, (of, below), model);
    let connection = model
        .connections
        .id_of(&task.parts, (of.dag_id, task_id, operator));
    queries(
        &task,
        &name,
        connection.as_deref(),
        (of, &wrapped(value, below)),
        model,
    );
    transfers::read(&task, (&name, operator, connection.as_deref()), &at, model);
}

/// The pointer of a task's fields.
fn wrapped(task: &Value, below: &str) -> String {
    let var = if task.get("__var").is_some() {
        "/__var"
    } else {
        ""
    };
    format!("{below}{var}")
}

fn describe(
    task: &Task<'_>,
    (of, name, operator): (&Of<'_>, &str, &str),
    below: &str,
    model: &mut Model,
) {
    let at = of.at(below);
    let docs = ["doc_md", "doc", "doc_rst", "doc_yaml", "doc_json"];
    let description = docs.iter().find_map(|key| task.text(key)).map(cut);
    let owner = task.text("owner").or(of.owner()).map(str::to_owned);
    let mut facet = Map::new();
    for (key, found) in [
        ("operator", Some(operator)),
        ("module", task.text("_task_module")),
        ("pool", task.text("pool")),
        ("triggerRule", task.text("trigger_rule")),
    ] {
        if let Some(found) = found.filter(|found| !found.is_empty()) {
            facet.insert(key.to_owned(), found.into());
        }
    }
    if task
        .get("_is_mapped")
        .is_some_and(|(value, _)| value == &Value::Bool(true))
    {
        facet.insert("isMapped".to_owned(), true.into());
    }
    let parent = of.dag_id.to_owned();
    let job = model.job(name, "TASK", &at);
    // A DAG that stands in a task has the task's name.
    job.kind = "TASK";
    job.is_told = true;
    job.at = at;
    job.parent = (parent != name).then_some(parent);
    if let Some(text) = description {
        job.description.get_or_insert(text);
    }
    // What Airflow writes for nobody is no owner.
    job.owners.extend(owner.filter(|owner| owner != "airflow"));
    job.facet.extend(facet);
}

/// Sensors that wait for other DAGs, and operators that trigger them.
fn other_dags(
    task: &Task<'_>,
    name: &str,
    operator: &str,
    (of, below): (&Of<'_>, &str),
    model: &mut Model,
) {
    let at = of.at(below);
    if let Some(dag) = task.text("trigger_dag_id") {
        model.follows((dag, "DAG"), (name, "TASK"), &at);
    }
    let Some(dag) = task.text("external_dag_id") else {
        return;
    };
    let mut tasks = task.texts("external_task_ids");
    tasks.extend(task.text("external_task_id"));
    let mut others: Vec<(String, &'static str)> = tasks
        .into_iter()
        .map(|task| (format!("{dag}.{task}"), "TASK"))
        .collect();
    if others.is_empty() {
        others.push((dag.to_owned(), "DAG"));
    }
    for (other, kind) in others {
        // A marker is waited for from the other side.
        if operator.ends_with("Marker") {
            model.follows((&other, kind), (name, "TASK"), &at);
        } else {
            model.follows((name, "TASK"), (&other, kind), &at);
        }
    }
}

fn queries(
    task: &Task<'_>,
    name: &str,
    connection: Option<&str>,
    (of, below): (&Of<'_>, &str),
    model: &mut Model,
) {
    let into = destination(task);
    for key in SQL_FIELDS {
        let Some((value, part)) = task.get(key) else {
            continue;
        };
        let at = of.at(&format!("{below}{part}/{key}"));
        let texts = decode::texts(value);
        // What a mapped task expands is for one copy each; any other list is run as one script.
        if part == EXPANDED
            || texts
                .iter()
                .any(|text| decode::is_truncated(text) || is_file(text))
        {
            for text in texts {
                query((text, into.clone(), &at), name, connection, model);
            }
        } else if !texts.is_empty() {
            query(
                (&texts.join(";\n"), into.clone(), &at),
                name,
                connection,
                model,
            );
        }
    }
    // BigQuery's jobs hold their query in a configuration.
    if let Some((configuration, part)) = task.get("configuration")
        && let Some(inner) = decode::member(configuration, "query")
        && let Some(text) = decode::text(inner, "query")
    {
        let at = of.at(&format!("{below}{part}/configuration/query/query"));
        let into = decode::member(inner, "destinationTable").and_then(big_query_table);
        query((text, into, &at), name, connection, model);
    }
}

fn big_query_table(value: &Value) -> Option<Table> {
    let parts = ["projectId", "datasetId", "tableId"];
    let parts: Vec<&str> = parts
        .iter()
        .filter_map(|key| decode::text(value, key))
        .collect();
    let name = parts.join(".");
    (parts.len() == 3 && !decode::is_template(&name)).then(|| Table {
        namespace: "bigquery".to_owned(),
        name,
        kind: "TABLE",
    })
}

/// Where an operator of `BigQuery` puts what its query gives.
fn destination(task: &Task<'_>) -> Option<Table> {
    let name = task.text("destination_dataset_table")?.replace(':', ".");
    (name.split('.').count() == 3).then_some(Table {
        namespace: "bigquery".to_owned(),
        name,
        kind: "TABLE",
    })
}

/// Whether SQL is the name of a template's file.
fn is_file(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    let endings = [".sql", ".hql", ".j2", ".jinja"];
    !text.contains(char::is_whitespace) && endings.iter().any(|ending| text.ends_with(ending))
}

fn query(
    (text, into, at): (&str, Option<Table>, &headwater_extractor::Location),
    name: &str,
    connection: Option<&str>,
    model: &mut Model,
) {
    if decode::is_truncated(text) {
        let message = format!(
            "the SQL of {name} was cut when the DAG was serialised: its tables are not known; raise \
             [core] max_templated_field_length"
        );
        model.tell(Severity::Warning, "airflow/truncated", name, message, at);
        return;
    }
    let trimmed = text.trim();
    if is_file(trimmed) {
        let message = format!(
            "the SQL of {name} stands in the file {trimmed}, which the serialised DAG does not hold"
        );
        model.tell(Severity::Info, "airflow/sql-file", name, message, at);
        return;
    }
    // A `query` of something else than a database.
    if !trimmed.contains(char::is_whitespace) {
        return;
    }
    model.job(name, "TASK", at).queries.push(Query {
        text: text.to_owned(),
        connection: connection.map(str::to_owned),
        into,
        at: at.clone(),
    });
}
