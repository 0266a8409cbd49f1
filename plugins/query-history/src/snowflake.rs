//! Snowflake: `ACCOUNT_USAGE.ACCESS_HISTORY`, with or beside `QUERY_HISTORY`.

use std::collections::BTreeSet;

use headwater_extractor::RunState;
use serde_json::Value;
use sql_lineage::Dialect;

use crate::history::{History, job_of_keys};
use crate::kind::Kind;
use crate::model::{Execution, Link, Named, Run, Sql, Table};
use crate::naming;
use crate::rows::{Row, items, member, member_text};
use crate::statement::{self, normalize};

/// Domains of objects that hold data. Functions, procedures, tags, policies and the like do not.
const DATA: &[&str] = &[
    "TABLE",
    "VIEW",
    "MATERIALIZED_VIEW",
    "EXTERNAL_TABLE",
    "ICEBERG_TABLE",
    "EVENT_TABLE",
    "DYNAMIC_TABLE",
    "HYBRID_TABLE",
    "SEMANTIC_VIEW",
    "STREAM",
    "STAGE",
    "FILE",
];

/// Objects that show what other objects hold.
fn shows_others(table: &Table) -> bool {
    matches!(
        table.kind.as_str(),
        "VIEW" | "MATERIALIZED_VIEW" | "SEMANTIC_VIEW" | "STREAM"
    )
}

/// Reads a row of the access history, of the query history, or of both joined.
pub(crate) fn read(row: &Row, history: &mut History<'_>) -> Result<Option<Execution>, String> {
    let Some(id) = row.text("query_id") else {
        return Err("no `query_id`".into());
    };
    let database = row.text("database_name").map(String::from);
    let schema = row.text("schema_name").map(String::from);
    let scope = format!(
        "{}.{}",
        database.as_deref().unwrap_or_default(),
        schema.as_deref().unwrap_or_default()
    );
    let sql = row.text("query_text").map(|text| {
        let normal = normalize(&text, Dialect::Snowflake);
        (text.into_owned(), normal)
    });
    let tag = row.text("query_tag");
    let named = sql.as_ref().and_then(|(_, normal)| normal.dbt_node());
    let of_tag = tag
        .as_deref()
        .and_then(|tag| job_of_tag(tag, &history.options.job_key));
    let (job, how) = if let Some(name) = of_tag {
        (history.job(Kind::Snowflake, name), Named::ByTool)
    } else if let Some(node) = named {
        (history.dbt_job(Kind::Snowflake, node), Named::ByTool)
    } else if let Some((_, normal)) = &sql {
        (
            history.job(Kind::Snowflake, normal.name(&scope)),
            Named::ByStatement,
        )
    } else {
        // What told the same of two queries is known when all of the row is read.
        (
            history.job(Kind::Snowflake, String::new()),
            Named::ByStatement,
        )
    };
    let mut execution = Execution::new(id.into_owned(), job, how, row.at.clone());
    execution.parent_id = row
        .text("parent_query_id")
        .or_else(|| row.text("root_query_id"))
        .map(String::from);
    execution.verb = row
        .text("query_type")
        .map(String::from)
        .or_else(|| sql.as_ref().map(|(_, normal)| normal.verb().to_uppercase()));
    execution.run = Some(run(row, history));
    for (column, key) in [
        ("user_name", "users"),
        ("role_name", "roles"),
        ("warehouse_name", "warehouses"),
    ] {
        if let Some(value) = row.text(column) {
            execution.circumstances.insert((key, value.into_owned()));
        }
    }
    execution.sql = sql.map(|(text, normal)| Sql {
        text,
        normal: normal.text,
        dialect: Dialect::Snowflake,
        database: database.clone(),
        schema: schema.clone(),
    });
    let mut objects = Objects {
        namespace: history.namespace(Kind::Snowflake).to_owned(),
        prefix: database.zip(schema),
        unknown: BTreeSet::new(),
        is_base: history.options.is_base,
    };
    objects.read(row, &mut execution)?;
    for domain in objects.unknown {
        history.unknown_kind(domain, &row.at);
    }
    Ok(Some(execution))
}

fn job_of_tag(tag: &str, keys: &[String]) -> Option<String> {
    if let [all] = keys
        && all == "*"
    {
        return job_of_keys(keys, |_| Some(tag.to_owned()));
    }
    let tag: Value = serde_json::from_str(tag).ok()?;
    job_of_keys(keys, |key| member_text(&tag, key).map(String::from))
}

fn run(row: &Row, history: &mut History<'_>) -> Run {
    let mut at = |column: &str| history.time(row, column);
    let started_ms = at("start_time").or_else(|| at("query_start_time"));
    let ended_ms = at("end_time");
    // The access history alone has statements that were executed, and says no more.
    let state = row.text("execution_status").map(|status| {
        let status = status.to_lowercase();
        match status.as_str() {
            "success" => RunState::Complete,
            "running" | "queued" | "blocked" | "resuming_warehouse" => RunState::Running,
            _ if status.starts_with("fail") || status == "incident" => RunState::Fail,
            _ => RunState::Other,
        }
    });
    let code = row.text("error_code");
    let message = row
        .text("error_message")
        .map(|text| statement::message(&text));
    let message = match (code, message) {
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        (code, message) => message.or_else(|| code.map(String::from)),
    };
    // A statement that ended before the epoch has not ended.
    let ended_ms = ended_ms.filter(|at| *at > 0);
    Run {
        id: row.text("query_id").unwrap_or_default().into_owned(),
        state,
        started_ms,
        ended_ms,
        message,
    }
}

/// The objects of one row.
struct Objects {
    namespace: String,
    /// Database and schema of names that say none.
    prefix: Option<(String, String)>,
    unknown: BTreeSet<String>,
    is_base: bool,
}

impl Objects {
    fn read(&mut self, row: &Row, execution: &mut Execution) -> Result<(), String> {
        let direct = self.accessed(row, "direct_objects_accessed")?;
        let base = self.accessed(row, "base_objects_accessed")?;
        if let Some(modified) = row.json("objects_modified")? {
            for object in items(&modified) {
                self.modified(object, execution);
            }
        }
        self.read_by(&direct, &base, execution);
        if let Some(changes) = row.json("object_modified_by_ddl")? {
            for change in items(&changes) {
                self.changed(change, &direct, &base, execution);
            }
        }
        execution.needs_sql |= execution.links.is_empty() && !execution.writes.is_empty();
        Ok(())
    }

    fn accessed(&mut self, row: &Row, column: &str) -> Result<Vec<Table>, String> {
        let objects = row.json(column)?;
        let objects = objects.as_deref().map(items).unwrap_or_default();
        let mut tables: Vec<Table> = objects
            .iter()
            .filter_map(|object| self.table(object))
            .collect();
        tables.sort();
        tables.dedup();
        Ok(tables)
    }

    /// What a statement reads, of what it names and what that is made of.
    fn read_by(&mut self, direct: &[Table], base: &[Table], execution: &mut Execution) {
        if self.is_base || direct.is_empty() {
            let reads = if base.is_empty() { direct } else { base };
            execution.reads.extend(reads.iter().cloned());
            return;
        }
        execution.reads.extend(direct.iter().cloned());
        let showing: Vec<&Table> = direct.iter().filter(|table| shows_others(table)).collect();
        let behind = base.iter().filter(|table| !direct.contains(table));
        match showing[..] {
            // Functions read it.
            [] => execution.reads.extend(behind.cloned()),
            [view] => {
                for table in behind {
                    execution
                        .views
                        .insert(link((table.clone(), None), (view.clone(), None)));
                }
            }
            // Which of them shows what is not known.
            _ => {}
        }
    }

    /// A table that a statement wrote, and where its columns come from.
    fn modified(&mut self, object: &Value, execution: &mut Execution) {
        let Some(table) = self.table(object) else {
            return;
        };
        let columns = member(object, "columns").map(items).unwrap_or_default();
        for column in columns {
            let Some(name) = member_text(column, "columnName") else {
                continue;
            };
            let to = (table.clone(), Some(name.into_owned()));
            let direct = self.sources(column, "directSources", "directSourceColumns");
            let base = self.sources(column, "baseSources", "baseSourceColumns");
            if !self.is_base
                && let [(view, Some(field))] = &direct[..]
                && shows_others(view)
            {
                for from in base.iter().filter(|from| from.0 != *view) {
                    let shown = (view.clone(), Some(field.clone()));
                    execution.views.insert(link(from.clone(), shown));
                }
            }
            let is_base = (self.is_base && !base.is_empty()) || direct.is_empty();
            let from = if is_base { base } else { direct };
            for from in from {
                let mut link = link(from, to.clone());
                link.how.push((true, None));
                execution.links.insert(link);
            }
        }
        execution.writes.insert(table);
    }

    fn sources(&mut self, column: &Value, name: &str, older: &str) -> Vec<(Table, Option<String>)> {
        let sources = member(column, name).or_else(|| member(column, older));
        let sources = sources.map(items).unwrap_or_default().iter();
        sources
            .filter_map(|source| {
                let field = member_text(source, "columnName").map(String::from);
                Some((self.table(source)?, field))
            })
            .collect()
    }

    /// What became of an object by DDL.
    fn changed(
        &mut self,
        change: &Value,
        direct: &[Table],
        base: &[Table],
        execution: &mut Execution,
    ) {
        let Some(table) = self.table(change) else {
            return;
        };
        let operation = member_text(change, "operationType").unwrap_or_default();
        let property = |name: &str| {
            let property = member(member(change, "properties")?, name)?;
            member_text(property, "value").map(String::from)
        };
        match operation.to_ascii_uppercase().as_str() {
            "CREATE" | "REPLACE" if execution.writes.is_empty() => {
                execution.writes.insert(table.clone());
                execution.needs_sql = true;
                execution.reads_by_sql = true;
                // A view is among what its own creation accesses.
                let accessed = direct.iter().chain(base);
                let accessed = accessed.filter(|accessed| accessed.name != table.name);
                execution.reads.extend(accessed.cloned());
                execution.reads.remove(&table);
                execution.views.clear();
            }
            "ALTER" => {
                let other = |name: String| {
                    let name = match (name.matches('.').count(), table.name.rsplit_once('.')) {
                        (0, Some((prefix, _))) => format!("{prefix}.{name}"),
                        _ => name,
                    };
                    naming::table(&self.namespace, &name, &table.kind)
                };
                let renamed = property("objectName").map(other);
                let swapped = property("swapTargetName").map(other);
                for other in renamed
                    .iter()
                    .chain(&swapped)
                    .filter(|other| **other != table)
                {
                    execution.reads.insert(table.clone());
                    execution.writes.insert(other.clone());
                    execution.links.insert(identity(&table, other));
                }
                if let Some(other) = swapped.filter(|other| *other != table) {
                    execution.links.insert(identity(&other, &table));
                    execution.writes.insert(table.clone());
                    execution.reads.insert(other);
                }
            }
            _ => {}
        }
    }

    /// The dataset that an object is, if it holds data.
    fn table(&mut self, object: &Value) -> Option<Table> {
        let domain = member_text(object, "objectDomain");
        if domain.is_none()
            && let Some(location) = member_text(object, "location")
        {
            return naming::path(&location, None);
        }
        let kind = domain?.trim().to_uppercase().replace([' ', '-'], "_");
        if !DATA.contains(&kind.as_str()) {
            // Whatever else is called a table or a view may hold data.
            if kind.contains("TABLE") || kind.contains("VIEW") {
                self.unknown.insert(kind);
            }
            return None;
        }
        let mut name = member_text(object, "objectName")?.into_owned();
        if !name.contains('.')
            && let Some((database, schema)) = &self.prefix
        {
            name = format!("{database}.{schema}.{name}");
        }
        let stage = member_text(object, "stageKind").unwrap_or_default();
        if stage.eq_ignore_ascii_case("table") || stage.eq_ignore_ascii_case("user") {
            // The stage of a table has the table's name; Snowflake writes it with a sign before it.
            let sign = if stage.eq_ignore_ascii_case("table") {
                '%'
            } else {
                '~'
            };
            let at = name.rfind('.').map_or(0, |at| at + 1);
            name.insert(at, sign);
        }
        let is_system = name.to_uppercase().contains(".INFORMATION_SCHEMA.");
        (!is_system).then(|| naming::table(&self.namespace, &name, &kind))
    }
}

fn link(from: (Table, Option<String>), to: (Table, Option<String>)) -> Link {
    Link {
        from,
        to,
        how: Vec::new(),
        is_masking: false,
    }
}

/// All of a table goes into another as it is.
fn identity(from: &Table, to: &Table) -> Link {
    Link {
        how: vec![(true, Some("IDENTITY"))],
        ..link((from.clone(), None), (to.clone(), None))
    }
}
