//! What the SQL of tasks reads and writes.

use bi::connection::Connection;
use bi::template;
use headwater_extractor::{Location, Severity};
use sql_lineage::{Catalog, Options, Script, TableName, analyze};

use crate::assets;
use crate::decode;
use crate::model::{Link, Model, Query, Table};
use crate::transfers::BIG_QUERY;

/// The longest SQL of a task that is kept with it.
const SQL_BYTES_MAX: usize = 64 << 10;
/// The longest SQL that is analysed.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// Analyses the SQL of all tasks.
pub(crate) fn analyse(model: &mut Model, known: &Catalog) {
    let names: Vec<String> = model.jobs.keys().cloned().collect();
    for name in names {
        let Some(job) = model.jobs.get_mut(&name) else {
            continue;
        };
        let queries = std::mem::take(&mut job.queries);
        let whole: Vec<&str> = queries.iter().map(|query| query.text.trim()).collect();
        let whole = whole.join(";\n");
        // The contract wants SQL that is ready to be run.
        let is_ready =
            !whole.is_empty() && whole.len() <= SQL_BYTES_MAX && !decode::is_template(&whole);
        job.sql = is_ready.then_some(whole);
        for query in queries {
            one(&name, &query, model, known);
        }
    }
}

fn one(name: &str, query: &Query, model: &mut Model, known: &Catalog) {
    let at = &query.at;
    if query.text.len() > TEXT_BYTES_MAX {
        let message =
            format!("the SQL of {name} is longer than {TEXT_BYTES_MAX} bytes and is not read");
        model.tell(Severity::Warning, "airflow/sql", name, message, at);
        model.job(name, "TASK", at).is_sql_whole = false;
        return;
    }
    let defaults = &query.defaults;
    let connection = connection(name, query, model)
        .with_defaults(defaults.database.as_deref(), defaults.schema.as_deref());
    let filled = template::jinja(&query.text, true, &mut |_| None);
    let options = Options {
        dialect: connection.dialect,
        database: None,
        schema: None,
    };
    let script = analyze(&filled.text, &options, known);
    for problem in &script.problems {
        let message = format!(
            "the SQL of {name} was not understood at its line {}: {}",
            problem.place.line, problem.message
        );
        let what = format!("{name}:{}:{}", problem.place.line, problem.place.column);
        model.tell(Severity::Warning, "airflow/sql", &what, message, at);
    }
    let mut naming = Naming {
        connection: &connection,
        holes_count: 0,
        short_count: 0,
    };
    let found = found(&script, &mut naming, query.into.as_ref());
    let (holes, short) = (naming.holes_count, naming.short_count);
    if holes > 0 {
        let message = format!(
            "the SQL of {name} has names that only a run fills in: these tables are not known"
        );
        model.tell(Severity::Info, "airflow/templated-name", name, message, at);
    }
    if short > 0 {
        let message = format!(
            "the SQL of {name} has names without database or schema, which the connection does not tell either: \
             add them to connection.{}",
            query.connection.as_deref().unwrap_or("<conn_id>")
        );
        model.tell(Severity::Info, "airflow/short-name", name, message, at);
    }
    let job = model.job(name, "TASK", at);
    job.is_sql_whole &= script.problems.is_empty() && holes == 0;
    for origin in found.origins {
        job.origins.entry(origin).or_insert_with(|| at.clone());
    }
    for table in found.reads {
        job.reads.entry(table).or_insert_with(|| at.clone());
    }
    for table in found.writes.into_iter().chain(query.into.clone()) {
        job.writes.entry(table).or_insert_with(|| at.clone());
    }
    for link in found.links {
        job.links.entry(link).or_insert_with(|| at.clone());
    }
}

/// What a script does.
#[derive(Default)]
struct Found {
    reads: Vec<Table>,
    writes: Vec<Table>,
    links: Vec<Link>,
    /// From, to.
    origins: Vec<(Table, Table)>,
}

/// `into` is where the operator puts the result of a query.
fn found(script: &Script, naming: &mut Naming<'_>, into: Option<&Table>) -> Found {
    let mut found = Found::default();
    for statement in &script.statements {
        let inputs = statement.inputs.iter();
        let inputs: Vec<Table> = inputs.filter_map(|input| naming.table(input)).collect();
        let outputs = statement.outputs.iter();
        let outputs: Vec<Table> = outputs.filter_map(|output| naming.table(output)).collect();
        let result = into.filter(|_| outputs.is_empty());
        for output in outputs.iter().chain(result) {
            let origins = inputs.iter().map(|input| (input.clone(), output.clone()));
            found.origins.extend(origins);
        }
        found.reads.extend(inputs);
        found.writes.extend(outputs);
        let of_fields = statement.edges.iter().map(|edge| {
            (
                &edge.from,
                edge.to.table.as_ref(),
                edge.to.column.clone(),
                edge.how,
            )
        });
        let of_all = statement
            .influences
            .iter()
            .map(|influence| (&influence.from, influence.to.as_ref(), None, influence.how));
        for (from, to, column, how) in of_fields.chain(of_all) {
            let Some(table) = from.table.as_ref().and_then(|table| naming.table(table)) else {
                continue;
            };
            let to = match to {
                Some(to) => naming.table(to),
                None => into.cloned(),
            };
            if let Some(to) = to {
                found.links.push(Link {
                    from: (table, from.column.clone()),
                    to: (to, column),
                    how: how.named().collect(),
                    is_masking: how.is_masking(),
                });
            }
        }
    }
    found
}

/// What runs a query; where nobody tells, a namespace of its own, which the graph shows as unresolved.
fn connection(name: &str, query: &Query, model: &mut Model) -> Connection {
    let at: &Location = &query.at;
    let known = query
        .connection
        .as_ref()
        .and_then(|id| model.connections.get(id));
    if known.is_none() && query.defaults.is_big_query {
        return Connection::of_namespace(BIG_QUERY);
    }
    let Some(id) = &query.connection else {
        let message = format!(
            "nothing tells which connection runs the SQL of {name}: its tables stay unresolved; set conn_id.{name} \
             and connection.<conn_id>"
        );
        model.tell(
            Severity::Warning,
            "airflow/no-connection",
            name,
            message,
            at,
        );
        return Connection::of_namespace("airflow://connections/unknown");
    };
    if let Some(known) = model.connections.get(id) {
        return known.clone();
    }
    let message = format!(
        "nothing tells what the connection {id} connects to: its tables stay unresolved; set connection.{id}"
    );
    model.tell(
        Severity::Warning,
        "airflow/connection-unmapped",
        id,
        message,
        at,
    );
    Connection::of_namespace(&format!("airflow://connections/{id}"))
}

struct Naming<'c> {
    connection: &'c Connection,
    holes_count: usize,
    short_count: usize,
}

impl Naming<'_> {
    fn table(&mut self, name: &TableName) -> Option<Table> {
        if name.is_path() {
            return assets::of_uri(&name.to_string(), "file");
        }
        if name.parts().iter().any(|part| template::is_hole(part)) {
            self.holes_count += 1;
            return None;
        }
        let named = self.connection.table(name);
        let is_mapped = !self.connection.namespace.starts_with("airflow://");
        if !named.is_whole && is_mapped {
            self.short_count += 1;
        }
        bi::is_name(&named.name).then(|| Table {
            namespace: self.connection.namespace.clone(),
            name: named.name,
            kind: "TABLE",
        })
    }
}
