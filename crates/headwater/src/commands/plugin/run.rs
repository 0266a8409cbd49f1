//! `headwater plugin run`: what an extractor makes of files, for its author.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use headwater_model::{AssetKind, AssetName, FieldEnd, QualifiedName, Side};
use serde_json::{Value, json};

use crate::diagnostics::{self, Finding};
use crate::environment::Environment;
use crate::extraction::{Extracted, ExtractionArgs};
use crate::failure::{Exit, Failure};
use crate::output::{self, Format, count, printable, table};

/// Run an extractor in its sandbox, and show what it states
///
/// Nothing is sent anywhere. Exits with 3 if the input is refused, or part of it could not be understood.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater plugin run dbt target/manifest.json
  headwater plugin run ./own.wasm --set dialect=snowflake --first 20 models/
  headwater plugin run dbt target/ --format json | jq .memoryBytes")]
pub(super) struct RunArgs {
    /// Name of an extractor in the plugins folder, or path to a component
    #[arg(value_name = "FILE|NAME")]
    plugin: String,

    /// Files to read; of a folder, those that the extractor reads; `-` is standard input
    #[arg(required = true, value_name = "ARTIFACT")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    extraction: ExtractionArgs,

    /// How many facts of each kind to show
    #[arg(long, value_name = "N", default_value_t = 5)]
    first: usize,

    /// How to print what came out
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Facts of one kind.
struct Kind {
    name: &'static str,
    count: usize,
    first: Vec<String>,
}

/// Runs the command.
pub(super) fn run(args: &RunArgs, environment: &Environment) -> anyhow::Result<()> {
    let extracted = args
        .extraction
        .run(&args.plugin, &args.files, None, None, environment)?;
    let found = extracted.extraction.diagnostics.iter();
    let findings: Vec<Finding> = found.map(Finding::from).collect();
    match args.format {
        Format::Json => {
            diagnostics::tell(&findings);
            output::print_json(&summary(&extracted, &findings, args.first))?;
        }
        Format::Table => output::print(&render(&extracted, &findings, args.first))?,
    }
    match findings.iter().filter(|finding| finding.is_error()).count() {
        0 => Ok(()),
        errors => {
            let message = format!("{} in the input", count(errors as u64, "error"));
            Err(Failure::new(Exit::Input, message).into())
        }
    }
}

fn kinds(extracted: &Extracted, first: usize) -> Vec<Kind> {
    let facts = &extracted.extraction.facts;
    let fields = facts.datasets.iter().flat_map(|dataset| {
        let field = move |name| format!("{}#{name}", dataset.name);
        dataset.fields.iter().map(move |fact| field(&fact.name))
    });
    let fields_count = facts
        .datasets
        .iter()
        .map(|dataset| dataset.fields.len())
        .sum();
    vec![
        kind("datasets", &facts.datasets, first, |fact| {
            let mentioned = if fact.is_declared {
                ""
            } else {
                ", only mentioned"
            };
            format!("{} ({}{mentioned})", fact.name, fact.r#type)
        }),
        Kind {
            name: "fields",
            count: fields_count,
            first: fields.take(first).collect(),
        },
        kind("jobs", &facts.jobs, first, |fact| {
            format!("{} ({})", fact.name, fact.r#type)
        }),
        kind("edges", &facts.edges, first, |fact| {
            let edge = fact.kind().as_str().to_lowercase();
            format!("{edge} {} -> {}", asset(&fact.from), asset(&fact.to)) + &via(fact.via.as_ref())
        }),
        kind("field edges", &facts.field_edges, first, |fact| {
            let effect = fact.transformations.first().map_or("", |found| {
                if found.is_direct {
                    " (direct)"
                } else {
                    " (indirect)"
                }
            });
            format!("{} -> {}{effect}", end(&fact.from), end(&fact.to)) + &via(fact.via.as_ref())
        }),
        kind("selectors", &facts.selectors, first, |fact| {
            let verb = match fact.side {
                Side::Reads => "reads",
                Side::Writes => "writes",
            };
            format!("{} {verb} {}/{}", fact.job, fact.namespace, fact.pattern)
        }),
        kind("aliases", &facts.aliases, first, |fact| {
            format!("{} = {} ({})", asset(&fact.of), fact.alias, fact.reason)
        }),
        kind("attributes", &facts.attributes, first, |fact| {
            let field = fact.field.as_ref().map(|field| format!("#{field}"));
            let on = asset(&fact.on) + &field.unwrap_or_default();
            format!("{on} {} = {}", fact.key, fact.value)
        }),
        kind("facets", &facts.facets, first, |fact| {
            format!("{} {}", asset(&fact.on), fact.name)
        }),
        kind("runs", &facts.runs, first, |fact| {
            format!(
                "{} {} {}",
                fact.job,
                fact.run,
                fact.state.as_str().to_lowercase()
            )
        }),
    ]
}

fn kind<T>(name: &'static str, facts: &[T], first: usize, shown: impl Fn(&T) -> String) -> Kind {
    Kind {
        name,
        count: facts.len(),
        first: facts.iter().take(first).map(shown).collect(),
    }
}

fn asset(name: &AssetName) -> String {
    match name.kind {
        AssetKind::Dataset => name.name.to_string(),
        AssetKind::Job => format!("job:{}", name.name),
    }
}

fn end(end: &FieldEnd) -> String {
    match &end.field {
        Some(field) => format!("{}#{field}", end.dataset),
        None => end.dataset.to_string(),
    }
}

fn via(job: Option<&QualifiedName>) -> String {
    job.map(|job| format!(" via job:{job}")).unwrap_or_default()
}

fn render(extracted: &Extracted, findings: &[Finding], first: usize) -> String {
    let version = &extracted.version;
    let kinds = kinds(extracted, first);
    let mut text = format!(
        "{} {}: {} in {:.1} ms, {:.1} MiB of memory\n",
        version.name,
        version.version,
        count(extracted.extraction.facts.count() as u64, "fact"),
        extracted.usage.time.as_secs_f64() * 1000.0,
        extracted.usage.memory_bytes as f64 / f64::from(1 << 20)
    );
    let stated = kinds.iter().filter(|kind| kind.count > 0);
    let rows: Vec<[String; 2]> = stated
        .clone()
        .map(|kind| [kind.name.to_owned(), kind.count.to_string()])
        .collect();
    if !rows.is_empty() {
        text.push('\n');
        text += &table(["kind", "count"], rows);
    }
    for kind in stated.filter(|kind| !kind.first.is_empty()) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "\n{}", kind.name);
        for fact in &kind.first {
            let _ = writeln!(text, "  {}", printable(fact));
        }
        match kind.count - kind.first.len() {
            0 => {}
            more => {
                let _ = writeln!(text, "  … and {more} more");
            }
        }
    }
    if !findings.is_empty() {
        text.push_str("\nfindings\n");
        for finding in findings {
            let _ = writeln!(text, "  {}", finding.text());
        }
    }
    text
}

fn summary(extracted: &Extracted, findings: &[Finding], first: usize) -> Value {
    let kinds = kinds(extracted, first);
    let counts: serde_json::Map<String, Value> = kinds
        .iter()
        .map(|kind| (camel(kind.name), json!(kind.count)))
        .collect();
    let shown: serde_json::Map<String, Value> = kinds
        .iter()
        .map(|kind| (camel(kind.name), json!(kind.first)))
        .collect();
    json!({
        "extractor": {
            "name": &*extracted.version.name,
            "version": &*extracted.version.version,
            "digest": &*extracted.version.digest,
        },
        "counts": counts,
        "first": shown,
        "timeMs": extracted.usage.time.as_secs_f64() * 1000.0,
        "memoryBytes": extracted.usage.memory_bytes,
        "diagnostics": findings,
    })
}

/// As the facts' JSON calls it.
fn camel(name: &str) -> String {
    match name {
        "field edges" => "fieldEdges".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use headwater_model::{
        Coverage, DatasetFact, Diagnostic, EdgeFact, Evidence, Extraction, ExtractorUsage,
        ExtractorVersion, Facts, FieldFact, FieldName, Name, Namespace, Severity, TypeName,
    };
    use insta::assert_snapshot;

    use super::*;

    fn qualified(name: &str) -> QualifiedName {
        QualifiedName::new(
            Namespace::parse("pg://db").expect("a namespace"),
            Name::parse(name).expect("a name"),
        )
    }

    fn dataset(name: &str, is_declared: bool) -> DatasetFact {
        let field = |name: &str| FieldFact {
            name: FieldName::parse(name).expect("a name"),
            r#type: None,
            description: None,
        };
        DatasetFact {
            name: qualified(name),
            r#type: TypeName::parse("TABLE").expect("a type"),
            is_declared,
            description: None,
            fields: vec![field("id"), field("at")],
            evidence: None,
        }
    }

    fn extracted() -> Extracted {
        let name = |kind, name| AssetName {
            kind,
            name: qualified(name),
        };
        let edge = EdgeFact {
            from: name(AssetKind::Dataset, "raw"),
            to: name(AssetKind::Job, "load"),
            via: None,
            evidence: None,
        };
        let facts = Facts {
            datasets: vec![dataset("raw", false), dataset("mart", true)],
            edges: vec![edge],
            ..Facts::default()
        };
        let found = Diagnostic::new(Severity::Error, "x/odd", "is odd").at(Evidence {
            artifact: "a.sql".into(),
            pointer: None,
            line: Some(3),
            column: None,
        });
        Extracted {
            version: ExtractorVersion {
                name: "x".into(),
                version: "1.0.0".into(),
                digest: "ab".into(),
            },
            extraction: Extraction {
                covers: Coverage::ALL,
                generated_at: None,
                facts,
                diagnostics: vec![found],
            },
            usage: ExtractorUsage {
                memory_bytes: 3 << 19,
                read_bytes: 4096,
                time: Duration::from_micros(12_345),
            },
        }
    }

    #[test]
    fn a_summary_counts_shows_the_first_and_places_findings() {
        let extracted = extracted();
        let found = extracted.extraction.diagnostics.iter();
        let findings: Vec<Finding> = found.map(Finding::from).collect();
        assert_snapshot!(render(&extracted, &findings, 1), @r"
        x 1.0.0: 7 facts in 12.3 ms, 1.5 MiB of memory

        kind      count
        datasets  2
        fields    4
        edges     1

        datasets
          pg://db/raw (TABLE, only mentioned)
          … and 1 more

        fields
          pg://db/raw#id
          … and 3 more

        edges
          reads pg://db/raw -> job:pg://db/load

        findings
          error: is odd (x/odd, a.sql:3)
        ");
        let summary = summary(&extracted, &findings, 1);
        assert_eq!(summary["counts"]["fieldEdges"], 0);
        assert_eq!(
            summary["first"]["edges"][0],
            "reads pg://db/raw -> job:pg://db/load"
        );
        assert_eq!(summary["memoryBytes"], 3 << 19);
    }
}
