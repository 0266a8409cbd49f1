//! The same code in the sandbox and compiled natively.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use headwater_model::{Extractor, ExtractorConfig};

use super::{Against, artifact, host};
use crate::Settings;
use crate::manifest::{build_native, extract_natively};
use crate::places::Places;
use crate::table::{Table, count, millis};

/// Statements of the script for `sql`.
const STATEMENTS: usize = 2_000;
/// Times that each reads; the best counts.
const RUNS: usize = 5;

pub(super) fn run(places: &Places, settings: &Settings, folder: &Path) -> Result<Vec<Against>> {
    println!(
        "The same extractor compiled natively, with a sink that only counts, best of {RUNS}.\n"
    );
    let mut table = Table::new(&["extractor", "bytes", "native", "in the sandbox", "×"]);
    let mut worst = 0.0_f64;
    for (name, measure) in [
        ("sql", of_sql as fn(&Places, &Settings, &Path) -> Result<_>),
        ("dbt", of_dbt),
    ] {
        let (bytes, native, sandboxed): (u64, Duration, Duration) =
            measure(places, settings, folder)?;
        let ratio = sandboxed.as_secs_f64() / native.as_secs_f64().max(1e-9);
        worst = worst.max(ratio);
        table.row(vec![
            name.to_owned(),
            count(bytes),
            millis(native),
            millis(sandboxed),
            format!("{ratio:.2}"),
        ]);
    }
    println!("{table}");
    Ok(vec![Against::new(
        "in the sandbox, where the host also checks and keeps every fact, against native",
        "2 ×",
        format!("{worst:.2} ×"),
        worst <= 2.0,
    )])
}

fn of_sql(places: &Places, _: &Settings, folder: &Path) -> Result<(u64, Duration, Duration)> {
    let file = folder.join("script.sql");
    fs::write(&file, script(STATEMENTS))?;
    let example = build_native(places, "sql", "native")?;
    let output = Command::new(&example)
        .arg(&file)
        .arg(r#"{"dialect": "postgres", "namespace": "postgres://db:5432"}"#)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("{} does not start", example.display()))?;
    ensure!(output.status.success(), "ended with {}", output.status);
    // `6000 edges, 12000 between fields: 375.2ms`, a line for each run.
    let text = String::from_utf8(output.stdout)?;
    let native = (text.lines())
        .filter_map(|line| line.rsplit_once(": "))
        .map(|(_, took)| duration(took))
        .collect::<Result<Vec<_>>>()?;
    let native = native.into_iter().min().context("it printed no time")?;
    let config = [("dialect", "postgres"), ("namespace", "postgres://db:5432")];
    let sandboxed = sandboxed(places, "sql", &config, &file, folder)?;
    Ok((fs::metadata(&file)?.len(), native, sandboxed))
}

fn of_dbt(
    places: &Places,
    settings: &Settings,
    folder: &Path,
) -> Result<(u64, Duration, Duration)> {
    let file = folder.join("manifest.json");
    let example = build_native(places, "dbt", "large")?;
    let native = (0..RUNS)
        .map(|_| duration(&extract_natively(&example, settings.models, &file)?))
        .collect::<Result<Vec<_>>>()?;
    let native = native.into_iter().min().context("it ran")?;
    let config = [("namespace", "postgres://warehouse.example.org:5432")];
    let sandboxed = sandboxed(places, "dbt", &config, &file, folder)?;
    Ok((fs::metadata(&file)?.len(), native, sandboxed))
}

fn sandboxed(
    places: &Places,
    name: &str,
    config: &[(&str, &str)],
    file: &Path,
    folder: &Path,
) -> Result<Duration> {
    let extractor = host(folder)?.load_file(&places.component(name)?)?;
    let config: ExtractorConfig = (config.iter())
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let shown = file.file_name().unwrap_or_default().to_string_lossy();
    let artifacts = [artifact(&shown, fs::read(file)?)];
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let begun = Instant::now();
        let extraction = extractor.extract(&config, &artifacts)?;
        best = best.min(begun.elapsed());
        ensure!(extraction.facts.count() > 0, "{name} states nothing");
    }
    Ok(best)
}

/// Statements as a warehouse has them: joins, groups, expressions, and each reads what another writes.
fn script(statements: usize) -> String {
    let statements = (0..statements).map(|number| {
            let earlier = number.saturating_sub(7);
            format!(
                "create table mart.step_{number} as\n\
                 with lines as (\n    select l.order_id, sum(l.amount * {number}) as amount, count(*) as lines_count\n    \
                 from raw.lines_{number} as l where l.placed_at > date '2026-01-01' group by l.order_id\n)\n\
                 select o.id, o.customer_id, coalesce(s.name, 'none') as name, lines.amount,\n    \
                 case when lines.lines_count > 10 then 'large' else o.kind end as kind,\n    \
                 row_number() over (partition by o.customer_id order by lines.amount desc) as place\n\
                 from raw.orders as o\njoin lines on lines.order_id = o.id\n\
                 left join mart.step_{earlier} as s on s.id = o.id;\n\n"
            )
    });
    statements.collect::<Vec<_>>().concat()
}

/// A time as Rust prints it: `1.08s`, `375.2ms`, `12µs`.
fn duration(text: &str) -> Result<Duration> {
    let units = [("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0)];
    for (unit, seconds) in units {
        if let Some(number) = text.trim().strip_suffix(unit) {
            let number: f64 = number
                .parse()
                .with_context(|| format!("{text:?} is no time"))?;
            return Ok(Duration::from_secs_f64(number * seconds));
        }
    }
    anyhow::bail!("{text:?} is no time")
}
