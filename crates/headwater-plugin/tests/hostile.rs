//! Every guest in `plugins/hostile`: the exact error that it ends with, and a host that goes on as if it had never run.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use headwater_model::{Artifact, Extraction, Extractor, ExtractorConfig, ExtractorLimits};
use headwater_plugin::{HostConfig, PluginHost};

/// What becomes of a guest.
enum End {
    /// It is not loaded, and nothing of it has run.
    Refused(&'static str),
    /// It is not loaded: what it says of itself, or that it can't say it, is told.
    Unloadable(&'static str),
    /// Its calls fail.
    Stopped(&'static str),
    /// Its calls end well, and state the datasets of these names: what it tries is no harm.
    Harmless(&'static [&'static str]),
}

use End::{Harmless, Refused, Stopped, Unloadable};

/// The guests and their ends.
const ENDS: &[(&str, End)] = &[
    // Time.
    (
        "endless-loop",
        Stopped("endless-loop was stopped: it ran longer than 300ms"),
    ),
    (
        "endless-fill",
        Stopped("endless-fill was stopped: it ran longer than 300ms"),
    ),
    (
        "endless-log",
        Stopped("endless-log was stopped: it ran longer than 300ms"),
    ),
    (
        "endless-findings",
        Stopped("endless-findings was stopped: it ran longer than 300ms"),
    ),
    (
        "endless-reading",
        Stopped("endless-reading was stopped: it ran longer than 300ms"),
    ),
    (
        "loop-in-realloc",
        Stopped("loop-in-realloc was stopped: it ran longer than 300ms"),
    ),
    (
        "loop-at-start",
        Unloadable("describe was stopped: it ran longer than 200ms"),
    ),
    (
        "slow-describe",
        Unloadable("describe was stopped: it ran longer than 200ms"),
    ),
    (
        "waits",
        Refused(
            "cannot be compiled: failed to compile: wasm[0]::function[15]::extract: WebAssembly translation error: Invalid input WebAssembly code at offset 2806: threads support is not enabled",
        ),
    ),
    (
        "endless-large-fill",
        Stopped(
            "endless-large-fill was stopped: it asked for 500.1 MiB of memory; one call may use 16 MiB",
        ),
    ),
    // Memory, tables, stack.
    (
        "endless-recursion",
        Stopped("endless-recursion was stopped: its calls nest deeper than 8 MiB of stack"),
    ),
    (
        "memory-bomb",
        Stopped(
            "memory-bomb was stopped: it asked for 16.1 MiB of memory; one call may use 16 MiB",
        ),
    ),
    (
        "memory-at-start",
        Stopped(
            "memory-at-start was stopped: it asked for 64 MiB of memory; one call may use 16 MiB",
        ),
    ),
    (
        "many-memories",
        Refused("cannot be compiled: module 0 has 5 memories, more than 1"),
    ),
    (
        "shared-memory",
        Refused(
            "cannot be compiled: failed to parse WebAssembly module: threads must be enabled for shared memories (at offset 0x49)",
        ),
    ),
    (
        "table-bomb",
        Stopped(
            "table-bomb was stopped: it asked for tables of 100007 elements; one call may use 100000",
        ),
    ),
    // Output.
    (
        "endless-facts",
        Stopped("endless-facts was stopped: it emitted 11000 facts; one call may emit 10000"),
    ),
    (
        "endless-strings",
        Stopped(
            "endless-strings was stopped: it emitted 2.1 MiB of strings; one call may emit 2 MiB",
        ),
    ),
    (
        "repeated-text",
        Stopped(
            "repeated-text was stopped: its facts state 4.0 MiB of strings, each counted where it stands; those of one call may state 4 MiB",
        ),
    ),
    (
        "repeated-facet",
        Stopped(
            "repeated-facet was stopped: its facts state 4.0 MiB of strings, each counted where it stands; those of one call may state 4 MiB",
        ),
    ),
    (
        "huge-push",
        Stopped("huge-push was stopped: it pushed more at once than one push may hold"),
    ),
    (
        "gigantic-string",
        Stopped("gigantic-string failed: string pointer/length out of bounds of memory"),
    ),
    (
        "gigantic-name",
        Stopped(
            "gigantic-name failed: batch 0, entities[0].name: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" is 61440 bytes long, more than 2048",
        ),
    ),
    (
        "deep-facet",
        Stopped(
            "deep-facet failed: batch 0, facets[0].json: \"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\" nests deeper than 100",
        ),
    ),
    // Lies about what was sent.
    (
        "lying-ids",
        Stopped(
            "lying-ids failed: batch 0, edges[0].from: node 4211 was not sent (nodes so far: 0)",
        ),
    ),
    (
        "unknown-string",
        Stopped(
            "unknown-string failed: batch 0, entities[0].namespace: string 4294967295 was not sent (strings so far: 0)",
        ),
    ),
    (
        "stale-place",
        Stopped(
            "stale-place failed: batch 1, entities[0].evidence: location 0 is not in this batch (locations in it: 0)",
        ),
    ),
    (
        "job-for-a-dataset",
        Stopped(
            "job-for-a-dataset failed: batch 0, field-edges[0].from: node 0 (n/n) is a job, not a dataset",
        ),
    ),
    (
        "lying-counts",
        Stopped("lying-counts failed: list pointer/length out of bounds of memory"),
    ),
    (
        "crooked-pointer",
        Stopped("crooked-pointer failed: list pointer is not aligned"),
    ),
    (
        "invalid-utf8",
        Stopped("invalid-utf8 failed: invalid utf-8 sequence of 1 bytes from index 6"),
    ),
    (
        "control-characters",
        Stopped(
            "control-characters failed: batch 0, entities[0].namespace: \"orders\\u{1b}[2J\" holds the control character U+001B at byte 6",
        ),
    ),
    (
        "end-of-time",
        Stopped(
            "end-of-time failed: extraction.generated: 9223372036854775807 ms is outside the years 0001 to 9999",
        ),
    ),
    (
        "unknown-severity",
        Stopped("unknown-severity failed: unexpected discriminant: 77"),
    ),
    (
        "unknown-answer",
        Stopped("unknown-answer failed: invalid expected discriminant"),
    ),
    (
        "answer-beyond-memory",
        Stopped("answer-beyond-memory failed: pointer out of bounds of memory"),
    ),
    (
        "aborts",
        Stopped("aborts failed: it says that it was told to stop, but nobody told it"),
    ),
    (
        "panics",
        Stopped(
            "panics failed: it trapped (wasm `unreachable` instruction executed): \
        panicked at src/lib.rs:7:5: index 3 is out of bounds",
        ),
    ),
    // Handles.
    (
        "forged-handle",
        Stopped("forged-handle failed: unknown handle index 4711"),
    ),
    (
        "sink-for-an-artifact",
        Stopped(
            "sink-for-an-artifact failed: handle index 2 used with the wrong type, expected guest-defined resource but found a different guest-defined resource",
        ),
    ),
    (
        "dropped-artifact",
        Stopped("dropped-artifact failed: unknown handle index 1"),
    ),
    (
        "dropped-twice",
        Stopped("dropped-twice failed: unknown handle index 2"),
    ),
    (
        "kept-sink",
        Stopped("kept-sink failed: borrow handles still remain at the end of the call"),
    ),
    (
        "re-enters",
        Stopped("re-enters failed: it trapped (cannot leave component instance)"),
    ),
    // What it says of itself.
    (
        "start-traps",
        Unloadable("describe failed: it trapped (wasm `unreachable` instruction executed)"),
    ),
    (
        "path-like-name",
        Unloadable(
            "describes itself wrongly: name \"../../etc/cron.d/x\" holds '.' at byte 0; only a to z, 0 to 9 and '-' may stand there",
        ),
    ),
    (
        "deep-schema",
        Unloadable(
            "describes itself wrongly: config-schema \"{\\\"a\\\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\" nests deeper than 100",
        ),
    ),
    (
        "gigantic-schema",
        Unloadable("describes itself wrongly: config-schema is 122880 bytes long, more than 65536"),
    ),
    (
        "endless-inputs",
        Unloadable("describes itself wrongly: inputs are 50000 patterns; there must be 1 to 64"),
    ),
    ("circular-schema", Harmless(&[])),
    // What it wants to reach.
    (
        "foreign-imports",
        Refused(
            "imports wasi:io/poll@0.2.0, wasi:filesystem/preopens@0.2.0: \
        an extractor may import nothing but headwater:extractor/host and types",
        ),
    ),
    (
        "clock-probe",
        Refused(
            "imports wasi:clocks/monotonic-clock@0.2.0, wasi:clocks/wall-clock@0.2.0: \
        an extractor may import nothing but headwater:extractor/host and types",
        ),
    ),
    (
        "entropy-probe",
        Refused(
            "imports wasi:random/random@0.2.0, wasi:cli/environment@0.2.0: \
        an extractor may import nothing but headwater:extractor/host and types",
        ),
    ),
    (
        "look-alike",
        Refused(
            "imports headwater:extractors/host@0.1.0, headwater:extractor/network@0.1.0, headwater:extractor/host@0.10.0: an extractor may import nothing but headwater:extractor/host and types",
        ),
    ),
    (
        "other-contract",
        Refused("built for contract 0.9; this host serves 0.1"),
    ),
    // Probes that find nothing.
    ("reads-past-the-end", Harmless(&[])),
    ("leftover-memory", Harmless(&[])),
    ("leftover-state", Harmless(&[])),
    ("processor-probe", Harmless(&["n/+"])),
    // What a source may say of others: the product's tests show that it changes nothing of theirs.
    ("silences-others", Harmless(&[])),
    (
        "speaks-for-others",
        Harmless(&["files/orders", "files/stolen"]),
    ),
    // Well-behaved.
    (
        "many-edges",
        Stopped("many-edges was stopped: it emitted 10002 facts; one call may emit 10000"),
    ),
    ("mirror", Harmless(&["files/orders", "files/mart"])),
];

/// Tight enough that a guest without end ends soon, wide enough for a busy machine.
fn limits() -> ExtractorLimits {
    ExtractorLimits {
        memory_bytes_max: 16 << 20,
        timeout: Duration::from_millis(300),
        facts_max: 10_000,
        read_bytes_max: 1 << 30,
    }
}

fn host() -> PluginHost {
    PluginHost::new(HostConfig {
        describe_limits: ExtractorLimits {
            timeout: Duration::from_millis(200),
            ..HostConfig::default().describe_limits
        },
        strings_bytes_max: 2 << 20,
        stated_bytes_max: 4 << 20,
        ..HostConfig::default()
    })
    .expect("the bounds can be kept")
}

fn artifact() -> Artifact {
    Artifact {
        name: "in/list.txt".into(),
        media_type: "text/plain".into(),
        content: b"orders"[..].into(),
    }
}

/// Loads and calls a guest: what it states, or the error, with the stage that it comes from.
fn outcome(host: &PluginHost, component: &[u8]) -> Result<Extraction, (&'static str, String)> {
    let compiled_before = host.metrics().compiled_count;
    let guest = host.load(component).map_err(|error| {
        let is_compiled = host.metrics().compiled_count > compiled_before;
        let stage = if is_compiled { "unloadable" } else { "refused" };
        (stage, error.to_string())
    })?;
    let called = guest
        .with_limits(limits())
        .extract(&ExtractorConfig::new(), &[artifact()]);
    called.map_err(|error| ("stopped", error.to_string()))
}

fn datasets(extraction: &Extraction) -> Vec<String> {
    let datasets = extraction.facts.datasets.iter();
    datasets.map(|dataset| dataset.name.to_string()).collect()
}

#[test]
fn every_guest_ends_with_its_error_and_the_host_goes_on() -> Result<()> {
    let host = host();
    let well_behaved = host.load(&support::component("mirror")?)?;
    let mirrored = || well_behaved.extract(&ExtractorConfig::new(), &[artifact()]);
    let expected = format!("{:?}", mirrored()?);
    let mut wrong = Vec::new();
    for (name, end) in ENDS {
        let component = support::component(name).with_context(|| (*name).to_owned())?;
        // The second call is like the first: nothing is left of it.
        for _ in 0..2 {
            let found = match outcome(&host, &component) {
                Ok(extraction) => ("harmless", datasets(&extraction).join(" ")),
                Err(error) => error,
            };
            let wanted = match end {
                Refused(error) => ("refused", (*error).to_owned()),
                Unloadable(error) => ("unloadable", (*error).to_owned()),
                Stopped(error) => ("stopped", (*error).to_owned()),
                Harmless(datasets) => ("harmless", datasets.join(" ")),
            };
            if found != wanted {
                wrong.push(format!("{name}\n  {found:?}\n  instead of {wanted:?}"));
            }
            let goes_on = format!("{:?}", mirrored()?);
            assert_eq!(goes_on, expected, "after {name}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn every_guest_has_an_end() -> Result<()> {
    let mut texts = BTreeSet::new();
    for entry in fs::read_dir(support::guests_dir())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wat") {
            let stem = path.file_stem().context("a name")?;
            texts.insert(stem.to_string_lossy().into_owned());
        }
    }
    let ends: BTreeSet<String> = ENDS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(texts, ends);
    Ok(())
}

/// The component of a guest that has `own` beside the prelude.
fn guest_of(own: &str) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    fs::copy(
        support::guests_dir().join("prelude.txt"),
        folder.path().join("prelude.txt"),
    )?;
    let path = folder.path().join("giant.wat");
    let extract = "(func $extract (param i32 i32 i32 i32 i32) (result i32) (unreachable))";
    fs::write(&path, format!("{own}\n{extract}"))?;
    support::wrap(wat::parse_str(headwater_testkit::guest_text(&path)?)?)
}

#[test]
fn a_giant_function_is_refused_before_it_is_compiled() -> Result<()> {
    let host = host();
    let component = guest_of(&format!(
        "(func {})",
        "(drop (i32.const 0))".repeat(400_000)
    ))?;
    assert_eq!(
        outcome(&host, &component).map(|_| ()),
        Err((
            "refused",
            "cannot be compiled: function 6 of module 0 has 1200002 bytes of code, more than 1048576".to_owned()
        ))
    );
    Ok(())
}

#[test]
fn code_that_takes_for_ever_to_compile_is_not_waited_for() -> Result<()> {
    let host = PluginHost::new(HostConfig {
        compile_timeout: Duration::from_millis(300),
        ..HostConfig::default()
    })?;
    let well_behaved = support::component("mirror")?;
    let turns = (0..20_000).map(|turn| {
        format!("(if (local.get 0) (then (return (i32.const {turn})))) (loop (br_if 0 (i32.eqz (local.get 0))))")
    });
    let body: String = turns.collect();
    let component = guest_of(&format!(
        "(func (param i32) (result i32) {body} (local.get 0))"
    ))?;
    assert_eq!(
        outcome(&host, &component).map(|_| ()),
        Err((
            "refused",
            "cannot be compiled: it takes longer than 300ms".to_owned()
        ))
    );
    // Its compiler goes on beside this one, which is not kept waiting.
    let host = PluginHost::new(HostConfig::default())?;
    outcome(&host, &well_behaved).map_err(|(_, error)| anyhow::anyhow!(error))?;
    Ok(())
}

#[test]
fn a_configuration_bomb_is_refused_before_the_guest_sees_it() -> Result<()> {
    let host = PluginHost::new(HostConfig {
        config_bytes_max: 1000,
        ..HostConfig::default()
    })?;
    let guest = host.load(&support::component("circular-schema")?)?;
    let config = ExtractorConfig::from([("key".to_owned(), "x".repeat(1000))]);
    let error = guest.extract(&config, &[artifact()]).map(|_| ());
    assert_eq!(
        error.map_err(|error| error.to_string()),
        Err(
            "configuration of circular-schema: it is 1010 bytes long as JSON, more than 1000"
                .to_owned()
        )
    );
    Ok(())
}

#[test]
fn a_caller_is_answered_in_time_even_amid_an_instruction_that_nothing_stops() -> Result<()> {
    let host = PluginHost::new(HostConfig::default())?;
    let limits = ExtractorLimits {
        timeout: Duration::from_millis(1),
        ..HostConfig::default().default_limits
    };
    let guest = host.load(&support::component("endless-large-fill")?)?;
    let called = guest
        .with_limits(limits)
        .extract(&ExtractorConfig::new(), &[artifact()]);
    assert_eq!(
        called.map(|_| ()).map_err(|error| error.to_string()),
        Err("endless-large-fill was stopped: it ran longer than 1ms".to_owned())
    );
    // The instruction goes on beside the next call.
    let well_behaved = host.load(&support::component("mirror")?)?;
    let called = well_behaved.extract(&ExtractorConfig::new(), &[artifact()])?;
    assert_eq!(called.facts.count(), 5);
    Ok(())
}
