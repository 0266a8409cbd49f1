//! A task: its order, what it says of assets, and what its operator's fields mean.

use headwater_extractor::Severity;
use serde_json::{Map, Value};

use crate::dag::{Of, cut};
use crate::model::{Defaults, Model, Query, Table};
use crate::{decode, transfers};

/// Fields that hold SQL. Source: the operators of Airflow's providers.
const SQL_FIELDS: &[&str] = &["sql", "hql", "query", "sqls", "queries", "select_query"];
/// Copies of a mapped task that are read one by one.
const COPIES_MAX: usize = 1000;

/// Where what a mapped task expands stands.
const EXPANDED: &str = "/expand_input/value";

/// A task's fields, which may hide in those that all its copies share.
pub(crate) struct Task<'v> {
    /// Itself first.
    parts: Vec<&'v Value>,
    /// Their pointers below the task.
    pointers: Vec<String>,
}

impl<'v> Task<'v> {
    /// A task; one that is mapped over a list of arguments is as many tasks.
    fn all(task: &'v Value) -> Vec<Self> {
        let base = Self::of(task);
        let copies = decode::member(task, "expand_input")
            .and_then(|input| decode::member(input, "value"))
            .map(decode::bare)
            .and_then(Value::as_array);
        let Some(copies) = copies else {
            return vec![base];
        };
        let at = base.parts.len().min(2);
        let copies = copies.iter().take(COPIES_MAX).enumerate();
        let copies: Vec<Self> = copies
            .filter(|(_, copy)| decode::object(copy).is_some())
            .map(|(place, copy)| {
                let mut one = Self {
                    parts: base.parts.clone(),
                    pointers: base.pointers.clone(),
                };
                one.parts.insert(at, copy);
                one.pointers.insert(at, format!("{EXPANDED}/{place}"));
                one
            })
            .collect();
        if copies.is_empty() {
            return vec![base];
        }
        copies
    }

    fn of(task: &'v Value) -> Self {
        let mut parts = vec![task];
        let mut pointers = vec![String::new()];
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
                pointers.push(pointer.to_owned());
            }
        }
        Self { parts, pointers }
    }

    /// A field and the pointer of the part that has it.
    pub(crate) fn get(&self, key: &str) -> Option<(&'v Value, &str)> {
        let mut parts = self.parts.iter().zip(&self.pointers);
        parts.find_map(|(part, pointer)| Some((decode::member(part, key)?, pointer.as_str())))
    }

    /// A field that only a run fills in.
    pub(crate) fn is_open(&self, key: &str) -> bool {
        let texts = self.get(key).map(|(value, _)| decode::texts(value));
        let mut texts = texts.unwrap_or_default().into_iter();
        texts.any(|text| decode::is_template(text) || decode::is_truncated(text))
    }

    /// The name of a table of `BigQuery`, without what says which part of it; none if a run fills it in.
    pub(crate) fn big_query(&self, key: &str) -> Vec<String> {
        let all = self.get(key).map(|(value, _)| decode::texts(value));
        let all = all.unwrap_or_default().into_iter();
        all.map(|text| text.split('$').next().unwrap_or(text))
            .filter(|text| {
                !text.is_empty() && !decode::is_template(text) && !decode::is_truncated(text)
            })
            .map(|text| text.replacen(':', ".", 1))
            .collect()
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
    let later = decode::member(value, "downstream_task_ids")
        .map(decode::texts)
        .unwrap_or_default();
    for later in later {
        let place = of.at(&format!("{}/downstream_task_ids", wrapped(value, below)));
        model.follows((&of.job_of(later), "TASK"), (&name, "TASK"), &place);
    }
    other_dags(&task, &name, operator, (of, below), model);
    for task in Task::all(value) {
        assets(&task, &name, (of, &wrapped(value, below)), model);
        let named = (of.dag_id, task_id, operator);
        let connection = model.connections.id_of(&task.parts, named);
        let connection = task
            .text(transfers::source_connection(operator))
            .map(str::to_owned)
            .or(connection);
        queries(
            &task,
            (&name, operator),
            connection.as_deref(),
            (of, &wrapped(value, below)),
            model,
        );
        transfers::read(&task, (&name, operator, connection.as_deref()), &at, model);
    }
}

/// What a task says of assets.
fn assets(task: &Task<'_>, name: &str, (of, below): (&Of<'_>, &str), model: &mut Model) {
    for (key, is_output) in [("inlets", false), ("outlets", true)] {
        let Some((list, part)) = task.get(key) else {
            continue;
        };
        let found = model.assets_of(list);
        let place = of.at(&format!("{below}{part}/{key}"));
        let job = model.job(name, "TASK", &place);
        let side = if is_output {
            &mut job.writes
        } else {
            &mut job.reads
        };
        for table in found {
            side.entry(table).or_insert_with(|| place.clone());
        }
    }
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
    (name, operator): (&str, &str),
    connection: Option<&str>,
    (of, below): (&Of<'_>, &str),
    model: &mut Model,
) {
    let into = transfers::destination(task, operator, model);
    let mut defaults = defaults(task, operator);
    for key in SQL_FIELDS {
        let Some((value, part)) = task.get(key) else {
            continue;
        };
        let at = of.at(&format!("{below}{part}/{key}"));
        let texts = decode::texts(value);
        // What a mapped task expands is for one copy each; any other list is run as one script.
        if part.starts_with(EXPANDED)
            || texts
                .iter()
                .any(|text| decode::is_truncated(text) || is_file(text))
        {
            for text in texts {
                query(
                    (text, into.clone(), &defaults, &at),
                    name,
                    connection,
                    model,
                );
            }
        } else if !texts.is_empty() {
            query(
                (&texts.join(";\n"), into.clone(), &defaults, &at),
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
        let into = decode::member(inner, "destinationTable").and_then(transfers::big_query_table);
        if let Some(default) = decode::member(inner, "defaultDataset") {
            let part = |key| decode::text(default, key).filter(|text| !decode::is_template(text));
            defaults.database = part("projectId").map(str::to_owned).or(defaults.database);
            defaults.schema = part("datasetId").map(str::to_owned).or(defaults.schema);
        }
        defaults.is_big_query = true;
        query((text, into, &defaults, &at), name, connection, model);
    }
}

/// What an operator's own fields say of names that say less. Source: the operators of Airflow's providers.
fn defaults(task: &Task<'_>, operator: &str) -> Defaults {
    let text = |key| task.text(key).map(str::to_owned);
    let is_big_query = operator.starts_with("BigQuery");
    let (database, schema) = match operator {
        // Its databases are those of the data catalog, which are what others call schemas.
        "AthenaOperator" => (
            text("catalog").or_else(|| Some("AwsDataCatalog".to_owned())),
            text("database"),
        ),
        _ if is_big_query => (text("project_id"), None),
        _ => (text("catalog").or_else(|| text("database")), text("schema")),
    };
    Defaults {
        database,
        schema,
        is_big_query,
    }
}

/// Whether SQL is the name of a template's file.
fn is_file(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    let endings = [".sql", ".hql", ".j2", ".jinja"];
    !text.contains(char::is_whitespace) && endings.iter().any(|ending| text.ends_with(ending))
}

fn query(
    (text, into, defaults, at): (
        &str,
        Option<Table>,
        &Defaults,
        &headwater_extractor::Location,
    ),
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
    let query = Query {
        text: text.to_owned(),
        connection: connection.map(str::to_owned),
        into,
        defaults: defaults.clone(),
        at: at.clone(),
    };
    let queries = &mut model.job(name, "TASK", at).queries;
    // Copies of a mapped task may share what they run.
    let is_known = queries.iter().rev().take(8).any(|known| {
        known.text == query.text
            && known.connection == query.connection
            && known.at.pointer == query.at.pointer
    });
    if !is_known {
        queries.push(query);
    }
}
