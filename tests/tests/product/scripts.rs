//! Long and deep scripts in the sandbox, within the default limits of a call.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;
use headwater_model::{Artifact, Extraction, Extractor as _, ExtractorConfig, ExtractorUsage};
use headwater_plugin::{HostConfig, PluginHost, WasmExtractor};
use headwater_tests::service::extractor;

fn sql() -> Result<WasmExtractor> {
    let host = PluginHost::new(HostConfig::default())?;
    Ok(host.load_file(&extractor("plugins", "sql")?)?)
}

fn read(sql: &WasmExtractor, text: &str) -> Result<(Extraction, ExtractorUsage)> {
    let config = ExtractorConfig::from([
        ("dialect".to_owned(), "snowflake".to_owned()),
        ("namespace".to_owned(), "snowflake://x".to_owned()),
    ]);
    let artifact = Artifact {
        name: "script.sql".into(),
        media_type: "application/sql".into(),
        content: text.as_bytes().into(),
    };
    Ok(sql.extract_measured(&config, &[artifact])?)
}

/// Statements as warehouses have them, up to so many bytes.
fn script(bytes: usize) -> (String, usize) {
    let mut text = String::with_capacity(bytes + 1000);
    let mut count = 0;
    while text.len() < bytes {
        write!(
            text,
            "-- load {count}\ninsert into mart.t{} (id, name, total, state)\nselect o.id, upper(c.name) as name, \
             sum(o.amount * (1 - o.discount)) as total,\n  case when o.status = 'open' then 'o' when o.status = 'done' \
             then 'd' else coalesce(o.status, 'x') end as state\nfrom raw.orders_{} o\njoin raw.customers c on c.id = \
             o.customer_id and c.region in ('a', 'b', 'c')\nwhere o.created_at >= dateadd(day, -{count}, current_date) \
             and not o.is_test\ngroup by 1, 2, 4;\n",
            count % 500,
            count % 300
        )
        .expect("a string grows");
        count += 1;
    }
    (text, count)
}

#[test]
fn a_script_of_ten_megabytes_is_read_within_the_limits_of_a_call() -> Result<()> {
    let sql = sql()?;
    // How long a call takes depends on who else computes: time is compared, not limited.
    let mut limits = sql.description().limits;
    limits.timeout = Duration::from_mins(5);
    let sql = sql.with_limits(limits);
    let timed = |text: &str| -> Result<(Extraction, ExtractorUsage, Duration)> {
        let begun = Instant::now();
        let (extraction, usage) = read(&sql, text)?;
        Ok((extraction, usage, begun.elapsed()))
    };
    let (_, small, took_small) = timed(&script(1 << 20).0)?;
    let (text, count) = script(10 << 20);
    let (extraction, large, took) = timed(&text)?;
    println!(
        "{} bytes, {count} statements: {took:?}, {} bytes of memory; of 1 MiB {took_small:?}, {} bytes",
        text.len(),
        large.memory_bytes,
        small.memory_bytes
    );
    assert_eq!(extraction.diagnostics, []);
    assert_eq!(extraction.facts.jobs.len(), count + 1);
    assert!(large.memory_bytes < 256 << 20, "{}", large.memory_bytes);
    // Ten times the text takes ten times as long, give or take what else the machine does.
    assert!(took < took_small * 40, "{took:?}, of 1 MiB {took_small:?}");
    Ok(())
}

#[test]
fn deep_statements_are_read_and_deeper_ones_are_told() -> Result<()> {
    let sql = sql()?;
    let nested = |before: &str, after: &str, depth: usize| {
        format!(
            "insert into u select {}a{} as b from t",
            before.repeat(depth),
            after.repeat(depth)
        )
    };
    let subqueries = |depth: usize| {
        format!(
            "insert into u select b from {}t{}",
            "(select b from ".repeat(depth),
            ") s".repeat(depth)
        )
    };
    let row = |part: &str, count: usize| {
        format!("insert into u select a{} as b from t", part.repeat(count))
    };
    for text in [
        subqueries(40),
        nested("coalesce(", ", 0)", 120),
        nested("(1 + ", ")", 120),
        nested("case when c = 1 then 1 else ", " end", 60),
        row(" || 'x'", 500),
        row(" and c", 500),
        row(" or c", 3_900),
        row("::int", 3_900),
    ] {
        let (extraction, _) = read(&sql, &text)?;
        assert_eq!(extraction.diagnostics, [], "{}", &text[..60]);
        assert!(!extraction.facts.field_edges.is_empty(), "{}", &text[..60]);
    }
    // Whatever the depth is that is refused, nothing traps on the way to it.
    for depth in [
        60, 75, 90, 99, 100, 101, 150, 200, 250, 280, 299, 300, 301, 1_000, 4_500,
    ] {
        for text in [
            subqueries(depth),
            nested("coalesce(", ", 0)", depth),
            nested("(1 + ", ")", depth),
            nested("case when c = 1 then 1 else ", " end", depth),
            nested("case when ", " then 1 end", depth),
            nested("(select max(x) from s where s.k in (", "))", depth),
            nested("not ", "", depth),
            nested("- ", "", depth),
            nested("[", "]", depth),
            nested("exists (select 1 from (select ", " as q) z)", depth),
            row("[1]", depth),
            row(" between 1 and a", depth),
            row(" in (select k from s)", depth),
            format!(
                "create view v as {}",
                subqueries(depth).trim_start_matches("insert into u ")
            ),
            "begin ".repeat(depth),
            format!("select 1 from t{}", " left join (t".repeat(depth)),
            format!(
                "select 1 from t{}{}",
                " join (t".repeat(depth),
                ") on true".repeat(depth)
            ),
            "with a as (".repeat(depth),
            "if a then ".repeat(depth),
            "select a from t union (".repeat(depth),
        ] {
            read(&sql, &text)
                .map_err(|error| error.context(format!("{depth}: {}", &text[..40])))?;
        }
    }
    Ok(())
}
