//! What is exported and imported again is the same log, and an export that is not whole is refused.

use std::sync::Arc;

use headwater_engine::{ExportError, export, gone_payload, import, rebuild, state_digest};
use headwater_model::RunState::{Complete, Start};
use headwater_model::{DomainName, DomainSpec, Mesh, Pattern, Timestamp};
use headwater_record::Gone;
use headwater_store::{Log, MemoryLog, MemoryState, Offset, State};

use crate::support::{Fixture, event, events_of, snapshot, snapshot_of};

fn fill(fixture: &Fixture) {
    fixture.submit(snapshot(
        "orders/dbt",
        1,
        "raw -> j -> orders; orders!; orders.id:int",
    ));
    let domain = DomainSpec {
        name: DomainName::parse("orders").expect("a name"),
        description: Some("what \"we\" sell\n".into()),
        owners: vec!["ana".into()],
        datasets: vec![Pattern::new("db*")],
        job_namespaces: Vec::new(),
    };
    let mesh = Mesh::new(3, vec![domain]).expect("a mesh");
    let at = Timestamp::from_micros(7);
    fixture.engine.set_mesh(mesh, at).expect("taken");
    fixture.submit(events_of(
        "growth/openlineage",
        event("1", 1, Start, "orders -> g ->"),
    ));
    fixture.submit(events_of(
        "growth/openlineage",
        event("1", 2, Complete, "-> g -> churn"),
    ));
    let covers = headwater_model::Coverage::NONE;
    fixture.submit(snapshot_of(
        "finance/says",
        1,
        "churn = kundenschwund",
        covers,
        true,
    ));
    let many: Vec<String> = (0..9_000)
        .map(|at| format!("dataset_with_a_long_name_{at:06}"))
        .collect();
    fixture.submit(snapshot("bulk/dbt", 1, &many.join("; ")));
    fixture
        .log
        .append(&[gone_payload(Gone::Damaged)])
        .expect("appended");
}

fn exported(log: &dyn Log) -> Vec<u8> {
    let mut out = Vec::new();
    export(log, &mut out, &mut |_| {}).expect("exported");
    out
}

fn imported(bytes: &[u8]) -> Result<MemoryLog, ExportError> {
    let log = MemoryLog::new();
    import(&mut &*bytes, &log, &mut |_| {})?;
    Ok(log)
}

#[test]
fn an_export_imported_is_the_same_log() {
    let fixture = Fixture::new();
    fill(&fixture);
    let bytes = exported(&*fixture.log);
    let log = imported(&bytes).expect("imported");
    let all = |log: &dyn Log| log.read_after(Offset::ZERO, 100, 1 << 30).expect("read");
    assert_eq!(all(&log), all(&*fixture.log));
    assert_eq!(exported(&log), bytes);
    let state: Arc<dyn State> = Arc::new(MemoryState::new());
    let rebuilt = rebuild(
        &log,
        &state,
        fixture.state.applied_offset().expect("ok"),
        &|_| {},
    );
    assert_eq!(
        rebuilt.expect("rebuilt").state_digest,
        state_digest(&*fixture.state).expect("ok")
    );

    let text = String::from_utf8(bytes).expect("text");
    assert!(
        !text.contains("entryHex"),
        "the format has words for all of it"
    );
    let event = text
        .lines()
        .find(|line| line.contains("\"event\""))
        .expect("one");
    assert!(
        event.contains(r#""body":"1 1 Start orders -> g ->""#),
        "{event}"
    );
    assert!(event.contains(r#""facts":{"$json":{"#), "{event}");
}

#[test]
fn an_export_of_nothing_is_imported() {
    let log = imported(&exported(&MemoryLog::new())).expect("imported");
    assert_eq!(log.last_offset(), Offset::ZERO);
}

#[test]
fn an_export_that_is_not_whole_is_refused_with_line_and_rule() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "a -> j -> b"));
    fixture.submit(snapshot("orders/dbt", 2, "a -> j -> c"));
    let whole = String::from_utf8(exported(&*fixture.log)).expect("text");
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let check = |text: &str, line: u64, rule: &str| {
        let error = imported(text.as_bytes()).map(|_| ()).expect_err("refused");
        let text = error.to_string();
        assert!(text.starts_with(&format!("line {line}: ")), "{text}");
        assert!(text.contains(rule), "{text}");
    };
    check("", 1, "ends before");
    check("{}\n", 1, "not the first line");
    let newer = lines[0].replace("Export\":1", "Export\":2");
    check(&newer, 1, "format version 2");
    check(&lines[..3].concat(), 4, "ends before its last line");
    check(
        &[lines[0], lines[2]].concat(),
        2,
        "offset 2, where 1 is due",
    );
    check(
        &[lines[0], lines[1], lines[1]].concat(),
        3,
        "offset 1, where 2 is due",
    );
    check(
        &[lines[0], lines[1], lines[3]].concat(),
        3,
        "states 2 entries and holds 1",
    );
    check(&whole.replace("\"b\"", "\"x\""), 4, "SHA-256");
    check(&whole[..whole.len() - 1], 4, "cut short");
    check(&format!("{whole}{{}}\n"), 5, "something follows");
    check(&whole.repeat(2), 5, "something follows");
    check(
        &whole.replacen("snapshot", "snapshoot", 1),
        2,
        "does not decode",
    );
    let no_entry = lines[1].replace("\"entry\"", "\"entri\"");
    check(&[lines[0], &no_entry].concat(), 2, "unknown field `entri`");
    let parts = lines[1].replacen("\"offset\":1", "\"offset\":9999999,\"parts\":9999999", 1);
    check(
        &[lines[0], &parts].concat(),
        2,
        "does not fit into 9999999 parts",
    );
}
