//! Field lineage against what is so: each source column of a duckdb project is altered, everything is run again, and
//! what changed is compared with what the sql extractor's field lineage says may change.
//!
//! `tests/truth/` holds the project and `mutate.py`, which alters and runs it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use headwater_tests::service::{extractor, root, run, target_dir};
use serde_json::Value;

/// The least share of changes that lineage must have said may happen.
const RECALL_MIN: f64 = 0.99;
/// The least share of source columns that must change anything.
const EFFECTIVE_MIN: f64 = 0.95;
const MODELS_MIN: usize = 30;

/// A column of a table; none stands for the table as a whole.
type Column = (String, Option<String>);

#[test]
fn what_changes_when_a_source_column_is_altered_is_what_its_lineage_says() -> Result<()> {
    let folder = root().join("tests/truth");
    let Some(python) = python() else {
        let columns = fs::read_to_string(folder.join("sources.sql"))?;
        println!(
            "skipped {} source columns: there is no python with duckdb; `cargo xtask test` fetches it",
            columns
                .lines()
                .filter(|line| line.starts_with("    "))
                .count()
        );
        return Ok(());
    };
    let truth = Truth::observe(&python, &folder)?;
    let lineage = Lineage::extract(&folder, &truth)?;
    let verdict = Verdict::of(&truth, &lineage);
    let report = verdict.report(&truth);
    println!("{report}");
    let kept = target_dir().join("truth");
    fs::create_dir_all(&kept)?;
    fs::write(kept.join("report.txt"), &report)?;

    assert!(
        truth.models_count >= MODELS_MIN,
        "{} models",
        truth.models_count
    );
    let effective = truth.changes.values().filter(|changed| !changed.is_empty());
    let share = effective.count() as f64 / truth.changes.len() as f64;
    assert!(
        share >= EFFECTIVE_MIN,
        "too few source columns change anything ({share:.3}): the mutations prove little\n{report}"
    );
    assert!(
        verdict.recall() >= RECALL_MIN,
        "lineage misses too much of what changes\n{report}"
    );
    Ok(())
}

/// A python that has duckdb: the one that the environment names, or the one that `cargo xtask test` has made.
fn python() -> Option<PathBuf> {
    let made = || target_dir().join("truth-venv/bin/python");
    let python = std::env::var_os("HEADWATER_DUCKDB_PYTHON").map_or_else(made, PathBuf::from);
    python.is_file().then_some(python)
}

/// What changed.
struct Truth {
    models_count: usize,
    mutations_count: u64,
    /// The tables and views that models make, with their columns.
    outputs: BTreeMap<String, BTreeSet<String>>,
    /// For each source column, the columns that changed with it.
    changes: BTreeMap<Column, BTreeSet<Column>>,
}

impl Truth {
    fn observe(python: &Path, folder: &Path) -> Result<Self> {
        let ran = Command::new(python)
            .arg(folder.join("mutate.py"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .with_context(|| format!("{} cannot be started", python.display()))?;
        ensure!(
            ran.status.success(),
            "mutate.py failed: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
        let said: Value = serde_json::from_slice(&ran.stdout).context("what mutate.py says")?;
        let object = |name: &str| said[name].as_object().with_context(|| name.to_owned());
        let mut outputs = BTreeMap::new();
        for (table, columns) in object("outputs")? {
            outputs.insert(table.to_lowercase(), texts(columns).collect());
        }
        let mut changes = BTreeMap::new();
        for (source, changed) in object("changes")? {
            let columns = changed["columns"].as_object().context("columns")?;
            let columns = columns.keys().map(|name| column(name)).collect();
            changes.insert(column(source), columns);
        }
        Ok(Self {
            models_count: said["models"].as_u64().context("models")? as usize,
            mutations_count: said["mutations"].as_u64().context("mutations")?,
            outputs,
            changes,
        })
    }
}

/// Names do not differ by case in duckdb.
fn texts(value: &Value) -> impl Iterator<Item = String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(|item| Some(item.as_str()?.to_lowercase()))
}

fn column(text: &str) -> Column {
    let (table, column) = text.split_once('.').unwrap_or((text, ""));
    (table.to_lowercase(), Some(column.to_lowercase()))
}

fn shown((table, column): &Column) -> String {
    format!("{table}.{}", column.as_deref().unwrap_or("*"))
}

/// What lineage says, walked as [impact of fields](../../../crates/headwater-graph/src/fields/closure.rs) is: an edge
/// into a dataset as a whole reaches all its fields, and datasets between which no edge of fields stands are taken as
/// wholes.
struct Lineage {
    /// All edges of fields.
    edges: BTreeMap<Column, BTreeSet<Column>>,
    /// Those that carry values.
    direct: BTreeMap<Column, BTreeSet<Column>>,
    /// Datasets that come from a dataset, it is not said by which fields.
    without_fields: BTreeMap<String, BTreeSet<String>>,
    fields: BTreeMap<String, BTreeSet<String>>,
}

impl Lineage {
    fn extract(folder: &Path, truth: &Truth) -> Result<Self> {
        let component = extractor("plugins", "sql")?.display().to_string();
        let inputs = ["sources.sql", "models"].map(|name| folder.join(name).display().to_string());
        let mut arguments = vec!["extract", "--plugin", &component];
        arguments.extend([
            "--set",
            "dialect=duckdb",
            "--set",
            "namespace=duckdb://truth",
        ]);
        arguments.extend(inputs.iter().map(String::as_str));
        let ran = run(&arguments)?;
        ensure!(ran.code == Some(0), "extract failed: {}", ran.err);
        let facts: Value = serde_json::from_str(&ran.out)?;
        let problems: Vec<&str> = items(&facts, "diagnostics")
            .filter(|found| found["severity"] != "INFO")
            .filter_map(|found| found["message"].as_str())
            .collect();
        ensure!(problems.is_empty(), "not all is understood: {problems:?}");

        let mut lineage = Self {
            edges: BTreeMap::new(),
            direct: BTreeMap::new(),
            without_fields: BTreeMap::new(),
            fields: truth.outputs.clone(),
        };
        for (table, column) in truth.changes.keys() {
            let fields = lineage.fields.entry(table.clone()).or_default();
            fields.extend(column.clone());
        }
        let mut with_fields = BTreeSet::new();
        for edge in items(&facts, "fieldEdges") {
            let (from, to) = (end(&edge["from"])?, end(&edge["to"])?);
            with_fields.insert((from.0.clone(), to.0.clone()));
            let kinds = edge["transformations"].as_array().context("kinds")?;
            if kinds.iter().any(|kind| kind["type"] == "DIRECT") {
                let known = lineage.direct.entry(from.clone()).or_default();
                known.insert(to.clone());
            }
            lineage.edges.entry(from).or_default().insert(to);
        }
        let mut writes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for edge in items(&facts, "edges").filter(|edge| edge["kind"] == "WRITES") {
            let of_job = writes.entry(edge["from"]["name"].to_string()).or_default();
            of_job.push(end(&edge["to"])?.0);
        }
        for edge in items(&facts, "edges").filter(|edge| edge["kind"] == "READS") {
            let from = end(&edge["from"])?.0;
            for to in writes
                .get(&edge["to"]["name"].to_string())
                .into_iter()
                .flatten()
            {
                if *to != from && !with_fields.contains(&(from.clone(), to.clone())) {
                    let known = lineage.without_fields.entry(from.clone()).or_default();
                    known.insert(to.clone());
                }
            }
        }
        Ok(lineage)
    }

    /// The columns of models that may change with `source`.
    fn impact(&self, source: &Column, truth: &Truth) -> BTreeSet<Column> {
        let none = BTreeSet::new();
        let mut reached = BTreeSet::from([source.clone()]);
        let mut rest = VecDeque::from([source.clone()]);
        while let Some((table, column)) = rest.pop_front() {
            let of =
                |column: Option<String>| self.edges.get(&(table.clone(), column)).unwrap_or(&none);
            let mut next: Vec<Column> = of(None).iter().cloned().collect();
            match &column {
                Some(column) => next.extend(of(Some(column.clone())).iter().cloned()),
                None => next.extend(
                    (self.fields.get(&table).into_iter().flatten())
                        .map(|field| (table.clone(), Some(field.clone()))),
                ),
            }
            let wholes = self.without_fields.get(&table).into_iter().flatten();
            next.extend(wholes.map(|to| (to.clone(), None)));
            for place in next {
                if reached.insert(place.clone()) {
                    rest.push_back(place);
                }
            }
        }
        of_models(reached, truth)
    }

    /// The columns of models that values of `source` go into.
    fn values(&self, source: &Column, truth: &Truth) -> BTreeSet<Column> {
        let mut reached = BTreeSet::from([source.clone()]);
        let mut rest = VecDeque::from([source.clone()]);
        while let Some(place) = rest.pop_front() {
            for next in self.direct.get(&place).into_iter().flatten() {
                if reached.insert(next.clone()) {
                    rest.push_back(next.clone());
                }
            }
        }
        of_models(reached, truth)
    }
}

fn items<'a>(facts: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    facts[name].as_array().into_iter().flatten()
}

fn end(value: &Value) -> Result<Column> {
    let name = value["name"].as_str().context("a name")?.to_lowercase();
    Ok((name, value["field"].as_str().map(str::to_lowercase)))
}

/// Columns that exist, of tables that last.
fn of_models(reached: BTreeSet<Column>, truth: &Truth) -> BTreeSet<Column> {
    let is_there = |(table, column): &Column| {
        let columns = truth.outputs.get(table);
        matches!((columns, column), (Some(columns), Some(column)) if columns.contains(column))
    };
    reached.into_iter().filter(is_there).collect()
}

/// A source column, and another that changed or may change with it.
type Pair = (Column, Column);

/// How what changed and what lineage says go together.
#[derive(Default)]
struct Verdict {
    told: BTreeSet<Pair>,
    missed: BTreeSet<Pair>,
    unexplained: BTreeSet<Pair>,
    /// Those of the told and of the unexplained that values go along.
    direct_told_count: usize,
    direct_unexplained: BTreeSet<Pair>,
    /// Source columns that change nothing.
    idle: Vec<Column>,
}

impl Verdict {
    fn of(truth: &Truth, lineage: &Lineage) -> Self {
        let mut verdict = Self::default();
        for (source, changed) in &truth.changes {
            if changed.is_empty() {
                verdict.idle.push(source.clone());
            }
            let pair = |column: &Column| (source.clone(), column.clone());
            let predicted = lineage.impact(source, truth);
            let direct = lineage.values(source, truth);
            verdict
                .told
                .extend(predicted.intersection(changed).map(pair));
            verdict
                .missed
                .extend(changed.difference(&predicted).map(pair));
            verdict
                .unexplained
                .extend(predicted.difference(changed).map(pair));
            verdict.direct_told_count += direct.intersection(changed).count();
            let unexplained = direct.difference(changed).map(pair);
            verdict.direct_unexplained.extend(unexplained);
        }
        verdict
    }

    fn recall(&self) -> f64 {
        share(self.told.len(), self.missed.len())
    }

    fn report(&self, truth: &Truth) -> String {
        let mut text = format!(
            "{} models, {} source columns, {} mutations: {} changes of a column with a source column\n\
             recall {:.2} % ({} missed)\n\
             precision {:.2} % ({} unexplained); of edges that carry values {:.2} % ({} unexplained)\n",
            truth.models_count,
            truth.changes.len(),
            truth.mutations_count,
            self.told.len() + self.missed.len(),
            100.0 * self.recall(),
            self.missed.len(),
            100.0 * share(self.told.len(), self.unexplained.len()),
            self.unexplained.len(),
            100.0 * share(self.direct_told_count, self.direct_unexplained.len()),
            self.direct_unexplained.len(),
        );
        for source in &self.idle {
            let _ = writeln!(text, "changes nothing: {}", shown(source));
        }
        for (from, to) in &self.missed {
            let _ = writeln!(text, "missed: {} -> {}", shown(from), shown(to));
        }
        for pair in &self.unexplained {
            let kind = if self.direct_unexplained.contains(pair) {
                "value"
            } else {
                "rows"
            };
            let (from, to) = (shown(&pair.0), shown(&pair.1));
            let _ = writeln!(text, "unexplained ({kind}): {from} -> {to}");
        }
        text
    }
}

fn share(part: usize, rest: usize) -> f64 {
    part as f64 / (part + rest).max(1) as f64
}
