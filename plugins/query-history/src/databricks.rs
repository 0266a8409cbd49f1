//! Databricks: `system.access.table_lineage` and `system.access.column_lineage`.

use headwater_extractor::RunState;

use crate::history::History;
use crate::kind::Kind;
use crate::model::{Execution, Link, Named, Run, Table};
use crate::naming;
use crate::rows::{Row, member, member_text};

/// Members of `entity_metadata` that name an entity, outermost first, with what it is called.
const ENTITIES: &[(&str, &str, &str)] = &[
    ("job_info", "job_id", "job"),
    ("dlt_pipeline_info", "dlt_pipeline_id", "pipeline"),
    ("", "dashboard_id", "dashboard"),
    ("", "legacy_dashboard_id", "dashboard"),
    ("", "notebook_id", "notebook"),
    ("", "sql_query_id", "query"),
];

/// What did it: its name, the job type, and the id of its run.
struct Entity {
    name: String,
    kind: &'static str,
    run_id: Option<String>,
}

/// Reads a row: what an entity, in one of its runs, reads for one table that it writes.
pub(crate) fn read(row: &Row, history: &mut History<'_>) -> Result<Vec<Execution>, String> {
    let from = table(row, "source", history);
    let to = table(row, "target", history);
    if from.is_none() && to.is_none() {
        return Err("neither a source nor a target".into());
    }
    let entity = entity(row)?;
    let Some((name, kind, named)) = entity
        .as_ref()
        .map(|entity| (entity.name.clone(), entity.kind, Named::ByTool))
        // A statement that nobody kept: what it writes is all that is known of it.
        .or_else(|| {
            Some((
                format!("statement:{}", to.as_ref()?.name),
                "QUERY",
                Named::ByStatement,
            ))
        })
    else {
        history.read_by_nobody();
        return Ok(Vec::new());
    };
    let at = history.time(row, "event_time");
    let mut executions = Vec::new();
    let statement = row.text("statement_id").or_else(|| row.text("event_id"));
    let statement = statement
        .or_else(|| row.text("record_id"))
        .map(String::from);
    let run_id = match &entity {
        Some(entity) => entity.run_id.clone(),
        None => statement,
    };
    let job = history.job(Kind::Databricks, name.clone());
    // Of rows without the id of a run, one for all tells nothing but the job.
    let id = format!("{name} {}", run_id.as_deref().unwrap_or_default());
    let mut execution = Execution::new(id.clone(), job, named, row.at.clone());
    execution.kind = kind;
    if let Some(user) = row.text("created_by") {
        execution.circumstances.insert(("users", user.into_owned()));
    }
    if let Some(workspace) = row.text("workspace_id") {
        execution
            .circumstances
            .insert(("workspaces", workspace.into_owned()));
    }
    execution.run = run_id.map(|id| Run {
        id,
        // That it read and wrote is known, and not how it ended.
        state: Some(RunState::Other),
        started_ms: at,
        ended_ms: None,
        message: None,
    });
    // What reads for several tables is a step for each of them, so that what goes into one does not go into all.
    let mut step = match (&entity, &to) {
        (Some(_), Some(to)) => {
            let name = format!("{name}:{}", to.name);
            let job = history.job(Kind::Databricks, name.clone());
            let mut step = Execution::new(format!("{name} {id}"), job, named, row.at.clone());
            step.kind = "STEP";
            step.parent_id = Some(id);
            executions.push(execution);
            step
        }
        _ => execution,
    };
    for (side, table) in [("source", &from), ("target", &to)] {
        if let Some(table) = table
            && table.kind != "FILE"
            && let Some(place) = row.text(&format!("{side}_path"))
            && let Some(stored) = naming::path(&place, history.options.workspace.as_deref())
        {
            step.stored.insert((table.clone(), stored));
        }
    }
    if let (Some(from), Some(to)) = (&from, &to)
        && let Some(field) = row.text("source_column_name")
        && let Some(to_field) = row.text("target_column_name")
    {
        step.links.insert(Link {
            from: (from.clone(), Some(field.into_owned())),
            to: (to.clone(), Some(to_field.into_owned())),
            how: Vec::new(),
            is_masking: false,
        });
    }
    step.reads.extend(from);
    step.writes.extend(to);
    executions.push(step);
    Ok(executions)
}

fn entity(row: &Row) -> Result<Option<Entity>, String> {
    let metadata = row.json("entity_metadata")?;
    let of_metadata = metadata.as_deref().and_then(|metadata| {
        ENTITIES.iter().find_map(|(outer, id, kind)| {
            let object = if outer.is_empty() {
                metadata
            } else {
                member(metadata, outer)?
            };
            Some((*kind, member_text(object, id)?.into_owned()))
        })
    });
    let of_columns = || {
        let (kind, id) = (row.text("entity_type")?, row.text("entity_id")?);
        let kind = match kind.to_uppercase().as_str() {
            "JOB" => "job",
            "PIPELINE" => "pipeline",
            "NOTEBOOK" => "notebook",
            "DASHBOARD" | "DASHBOARD_V3" | "DBSQL_DASHBOARD" => "dashboard",
            "DBSQL_QUERY" => "query",
            _ => "entity",
        };
        Some((kind, id.into_owned()))
    };
    let Some((kind, id)) = of_metadata.or_else(of_columns) else {
        return Ok(None);
    };
    Ok(Some(Entity {
        name: format!("{kind}/{id}"),
        kind: match kind {
            "job" => "JOB",
            "pipeline" => "PIPELINE",
            "notebook" => "NOTEBOOK",
            "dashboard" => "DASHBOARD",
            "query" => "QUERY",
            _ => "",
        },
        run_id: row.text("entity_run_id").map(String::from),
    }))
}

/// One side of a row: a table by its full name, else the place where it is read or written.
fn table(row: &Row, side: &str, history: &History<'_>) -> Option<Table> {
    let kind = row
        .text(&format!("{side}_type"))
        .unwrap_or_default()
        .to_uppercase();
    if let Some(name) = row.text(&format!("{side}_table_full_name"))
        && kind != "PATH"
    {
        let kind = if kind.is_empty() { "TABLE" } else { &kind };
        return Some(naming::table(
            history.namespace(Kind::Databricks),
            &name,
            kind,
        ));
    }
    let place = row.text(&format!("{side}_path"))?;
    naming::path(&place, history.options.workspace.as_deref())
}
