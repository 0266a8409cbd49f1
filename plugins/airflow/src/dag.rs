//! A DAG and its tasks.

use headwater_extractor::{Location, Severity};
use serde_json::{Map, Value};

use crate::files::Found;
use crate::model::Model;
use crate::{decode, operators};

/// The longest description that is kept.
const DESCRIPTION_BYTES_MAX: usize = 16 << 10;
/// How deep DAGs may stand in DAGs.
const SUBDAGS_MAX: usize = 16;

/// Where a DAG stands, and which it is.
pub(crate) struct Of<'a> {
    pub(crate) dag_id: &'a str,
    artifact: &'a str,
    pointer: String,
    line: Option<u32>,
    owner: Option<&'a str>,
}

impl Of<'_> {
    pub(crate) fn at(&self, below: &str) -> Location {
        bi::place(
            self.artifact,
            &format!("{}{below}", self.pointer),
            self.line,
        )
    }

    pub(crate) fn job_of(&self, task_id: &str) -> String {
        format!("{}.{task_id}", self.dag_id)
    }
}

/// Reads a DAG.
pub(crate) fn read(found: &Found, model: &mut Model) {
    let dag = &found.document["dag"];
    let pointer = format!("{}/dag", found.pointer);
    read_dag(
        dag,
        (&found.artifact, pointer, found.line),
        model,
        SUBDAGS_MAX,
    );
}

fn read_dag(
    dag: &Value,
    (artifact, pointer, line): (&str, String, Option<u32>),
    model: &mut Model,
    depth_left: usize,
) {
    let place = bi::place(artifact, &pointer, line);
    let id = decode::text(dag, "_dag_id").or_else(|| decode::text(dag, "dag_id"));
    let Some(dag_id) = id.filter(|id| bi::is_name(id)) else {
        let message = "the DAG has no dag_id".to_owned();
        model.tell(
            Severity::Error,
            "airflow/dag",
            &format!("{artifact}{pointer}"),
            message,
            &place,
        );
        return;
    };
    let owner =
        decode::member(dag, "default_args").and_then(|defaults| decode::text(defaults, "owner"));
    let of = Of {
        dag_id,
        artifact,
        pointer,
        line,
        owner,
    };
    describe(dag, &of, model);
    schedule(dag, &of, model);
    let tasks = decode::member(dag, "tasks")
        .map(decode::items)
        .unwrap_or_default();
    for (at, task) in tasks.into_iter().enumerate() {
        let below = format!("/tasks/{at}");
        operators::read(task, &of, &below, model);
        let Some(inner) = decode::member(task, "subdag").filter(|_| depth_left > 0) else {
            continue;
        };
        let wrapped = if task.get("__var").is_some() {
            "/__var"
        } else {
            ""
        };
        let pointer = format!("{}{below}{wrapped}/subdag", of.pointer);
        read_dag(inner, (artifact, pointer, line), model, depth_left - 1);
    }
    // The tasks' own fields say more.
    dependencies(dag, &of, model);
}

fn describe(dag: &Value, of: &Of<'_>, model: &mut Model) {
    let at = of.at("");
    let description = decode::text(dag, "_description")
        .or_else(|| decode::text(dag, "description"))
        .or_else(|| decode::text(dag, "doc_md"));
    let tags = decode::member(dag, "tags")
        .map(decode::texts)
        .unwrap_or_default();
    let mut facet = Map::new();
    for (key, name) in [
        ("schedule_interval", "schedule"),
        ("timetable", "timetable"),
        ("catchup", "catchup"),
        ("fileloc", "file"),
        ("relative_fileloc", "relativeFile"),
    ] {
        if let Some(value) = decode::member(dag, key) {
            let value = match (key, decode::kind(value)) {
                // Of a timetable its kind, and its cron expression.
                ("timetable", Some(kind)) => match decode::text(value, "expression") {
                    Some(expression) => format!("{kind} {expression}").into(),
                    None => kind.into(),
                },
                _ => decode::bare(value).clone(),
            };
            facet.insert(name.to_owned(), value);
        }
    }
    let job = model.job(of.dag_id, "DAG", &at);
    job.is_told = true;
    job.at = at;
    if let Some(text) = description {
        job.description.get_or_insert_with(|| cut(text));
    }
    job.tags.extend(tags.into_iter().map(str::to_owned));
    job.owners.extend(of.owner.map(str::to_owned));
    job.facet.extend(facet);
}

/// A text as long as it may be.
pub(crate) fn cut(text: &str) -> String {
    let mut end = text.len().min(DESCRIPTION_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// A DAG that waits for assets reads them.
fn schedule(dag: &Value, of: &Of<'_>, model: &mut Model) {
    let mut found = Vec::new();
    for key in ["timetable", "dataset_triggers", "schedule_asset_references"] {
        if let Some(value) = decode::member(dag, key) {
            found.extend(model.assets_of(value));
        }
    }
    let at = of.at(if dag.get("__var").is_some() {
        "/__var/timetable"
    } else {
        "/timetable"
    });
    let job = model.job(of.dag_id, "DAG", &at);
    for table in found {
        job.reads.entry(table).or_insert_with(|| at.clone());
    }
}

/// What Airflow knows of other DAGs, for operators whose own fields say nothing.
fn dependencies(dag: &Value, of: &Of<'_>, model: &mut Model) {
    let all = decode::member(dag, "dag_dependencies")
        .map(decode::items)
        .unwrap_or_default();
    for (at, dependency) in all.into_iter().enumerate() {
        let text = |key| decode::text(dependency, key).filter(|text| !decode::is_template(text));
        let (Some(source), Some(target)) = (text("source"), text("target")) else {
            continue;
        };
        let Some(task) = text("dependency_id") else {
            continue;
        };
        let place = of.at(&format!("/dag_dependencies/{at}"));
        match text("dependency_type") {
            Some("trigger") if source == of.dag_id => {
                model.follows((target, "DAG"), (&of.job_of(task), "TASK"), &place);
            }
            // What a sensor waits for in particular its own fields tell.
            Some("sensor") if target == of.dag_id && source != of.dag_id => {
                let job = of.job_of(task);
                let of_source = format!("{source}.");
                let is_told = model.jobs.get(&job).is_some_and(|job| {
                    let mut earlier = job.follows.keys();
                    earlier.any(|name| name == source || name.starts_with(&of_source))
                });
                if !is_told {
                    model.follows((&job, "TASK"), (source, "DAG"), &place);
                }
            }
            _ => {}
        }
    }
}

impl Of<'_> {
    /// Who owns a task that says nothing of it.
    pub(crate) fn owner(&self) -> Option<&str> {
        self.owner
    }
}
