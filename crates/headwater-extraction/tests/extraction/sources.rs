//! What is sent, what comes of it, and what stays when it fails.

use headwater_extraction::{Binding, ExtractionError, ExtractionState, Options, Trigger};

use crate::support::{GATE, Service, key, until};

#[test]
fn what_is_sent_becomes_facts() {
    let service = Service::new(&["lines 1 plain"]);
    let orders = key("orders/lines");
    let done = service.extract(&orders, "a -> b");
    assert_eq!(done.state, ExtractionState::Succeeded, "{done:?}");
    assert_eq!((done.number, done.trigger), (1, Trigger::Upload));
    assert_eq!(done.offset, Some(1));
    assert_eq!(done.counts, Some((3, 0, 0)));
    assert_eq!((done.artifacts_count, done.artifacts_bytes), (1, 6));
    assert_eq!(service.graph().0, ["a", "b"]);
    // What is no longer in the artifacts ends.
    let done = service.extract(&orders, "a");
    assert_eq!(done.counts, Some((0, 2, 1)));
    assert_eq!(service.graph().0, ["a"]);
}

#[test]
fn what_did_not_change_is_not_extracted_again_unless_it_is_forced() {
    let service = Service::new(&["lines 1 plain"]);
    let orders = key("orders/lines");
    service.extract(&orders, "a -> b");
    let again = service.extract(&orders, "a -> b");
    assert_eq!(again.state, ExtractionState::Unchanged);
    assert_eq!(service.calls.load(std::sync::atomic::Ordering::SeqCst), 1);
    let forced = service.extractions.request(&orders, true).expect("queued");
    let forced = service.wait(&orders, forced.number);
    assert_eq!(forced.state, ExtractionState::Succeeded);
    assert_eq!(forced.trigger, Trigger::Request);
    // Another configuration is another extraction.
    let binding = Binding {
        extractor: "lines".to_owned(),
        config: [("suffix".to_owned(), "2".to_owned())].into(),
        ..Binding::default()
    };
    service.extractions.bind(&orders, binding).expect("bound");
    let changed = service.wait(&orders, forced.number + 1);
    assert_eq!(changed.trigger, Trigger::Change);
    assert_eq!(service.graph().0, ["a2", "b2"]);
}

#[test]
fn artifacts_that_are_not_sent_stay_if_only_a_part_is() {
    let service = Service::new(&["lines 1 plain"]);
    let orders = key("orders/lines");
    service.extract(&orders, "a");
    let part = service.send(&orders, &[("b.txt", "b")], true);
    service.wait(&orders, part.number);
    assert_eq!(service.graph().0, ["a", "b"]);
    let whole = service.send(&orders, &[("b.txt", "b")], false);
    service.wait(&orders, whole.number);
    assert_eq!(service.graph().0, ["b"]);
}

#[test]
fn one_that_fails_keeps_the_last_good_snapshot_and_is_stale() {
    let service = Service::new(&["lines 1 plain"]);
    let orders = key("orders/lines");
    service.extract(&orders, "a");
    assert!(!service.is_stale(&orders));
    let failed = service.extract(&orders, "fail");
    assert_eq!(failed.state, ExtractionState::Failed);
    let error = failed.error.as_deref();
    assert_eq!(error, Some("lines failed: it was told to"));
    assert_eq!(&*failed.diagnostics[0].code, "extraction/failed");
    assert_eq!(service.graph().0, ["a"]);
    assert!(service.is_stale(&orders));
    service.extract(&orders, "b");
    assert_eq!(service.graph().0, ["b"]);
    assert!(!service.is_stale(&orders));
    assert_eq!(service.source(&orders).failures_in_row, 0);
}

#[test]
fn who_watches_is_told_how_extractions_ended() {
    let service = Service::new(&["lines 1 plain"]);
    let orders = key("orders/lines");
    service.extract(&orders, "a -> b");
    service.extract(&orders, "a -> b");
    service.extract(&orders, "fail");
    let stats = service.extractions.stats();
    let ended = stats.ended;
    let counts = [
        ended.succeeded_count,
        ended.unchanged_count,
        ended.failed_count,
    ];
    assert_eq!(counts, [1, 1, 1]);
    assert_eq!((stats.queued_count, stats.paused_count), (0, 0));
}

#[test]
fn a_panic_of_the_service_costs_one_extraction() {
    let service = Service::new(&["lines 1 plain"]);
    let orders = key("orders/lines");
    let failed = service.extract(&orders, "panic");
    assert_eq!(failed.state, ExtractionState::Failed);
    for text in ["a", "b", "c"] {
        assert_eq!(
            service.extract(&orders, text).state,
            ExtractionState::Succeeded
        );
    }
}

#[test]
fn a_source_is_paused_after_failures_in_a_row_until_it_is_resumed() {
    let options = Options {
        failures_max: 2,
        ..Options::default()
    };
    let service = Service::with(&["lines 1 plain"], options);
    let (orders, finance) = (key("orders/lines"), key("finance/lines"));
    service.extract(&orders, "fail");
    assert_eq!(service.source(&orders).paused, None);
    service.extract(&orders, "fail\n");
    let reason = service.source(&orders).paused.expect("paused");
    assert_eq!(
        reason,
        "2 extractions in a row failed, the last because lines failed: it was told to"
    );
    let waiting = service.send(&orders, &[("a.txt", "a")], false);
    // Others go on.
    service.extract(&finance, "f");
    let state = service.now(&orders, waiting.number).state;
    assert_eq!(state, ExtractionState::Queued);
    service.extractions.resume(&orders).expect("resumed");
    let done = service.wait(&orders, waiting.number);
    assert_eq!(done.state, ExtractionState::Succeeded);
    assert_eq!(service.graph().0, ["a", "f"]);
}

#[test]
fn of_what_waits_for_a_source_the_newest_is_done() {
    let service = Service::new(&["lines 1 wait"]);
    let orders = key("orders/lines");
    let gate = GATE.lock().expect("a gate");
    let first = service.send(&orders, &[("a.txt", "a")], false);
    until(|| {
        let state = service.now(&orders, first.number).state;
        (state == ExtractionState::Extracting).then_some(())
    });
    let second = service.send(&orders, &[("a.txt", "b")], false);
    let third = service.send(&orders, &[("a.txt", "c")], false);
    drop(gate);
    let states = [&first, &second, &third].map(|of| service.wait(&orders, of.number).state);
    assert_eq!(
        states,
        [
            ExtractionState::Succeeded,
            ExtractionState::Superseded,
            ExtractionState::Succeeded
        ]
    );
    assert_eq!(service.graph().0, ["c"]);
}

#[test]
fn what_was_accepted_is_extracted_after_a_restart() {
    let plugins = ["lines 1 plain"];
    let idle = Options {
        workers_count: 0,
        ..Options::default()
    };
    let service = Service::with(&plugins, idle);
    let orders = key("orders/lines");
    let queued = service.send(&orders, &[("a.txt", "a")], false);
    let service = service.again(&plugins, Options::default());
    let done = service.wait(&orders, queued.number);
    assert_eq!(done.state, ExtractionState::Succeeded);
    assert_eq!(service.graph().0, ["a"]);
}

#[test]
fn one_that_the_service_does_not_survive_is_not_begun_for_ever() {
    let plugins = ["lines 1 wait"];
    let mut service = Service::new(&plugins);
    let orders = key("orders/lines");
    let gate = GATE.lock().expect("a gate");
    let queued = service.send(&orders, &[("a.txt", "a")], false);
    for attempt in 1..=3 {
        until(|| (service.now(&orders, queued.number).attempts == attempt).then_some(()));
        // It ends while the extraction runs.
        service = service.again(&plugins, Options::default());
    }
    let failed = service.wait(&orders, queued.number);
    drop(gate);
    assert_eq!(failed.state, ExtractionState::Failed);
    let error = failed.error.as_deref();
    assert_eq!(error, Some("the service ended 3 times while it ran"));
}

#[test]
fn history_and_artifacts_are_bounded() {
    let options = Options {
        history_max: 3,
        store_bytes_max: 10,
        ..Options::default()
    };
    let service = Service::with(&["lines 1 plain"], options);
    let orders = key("orders/lines");
    for text in ["a", "b", "c", "d", "e"] {
        service.extract(&orders, text);
    }
    let numbers: Vec<u64> = service
        .source(&orders)
        .extractions
        .iter()
        .map(|of| of.number)
        .collect();
    assert_eq!(numbers, [3, 4, 5]);
    let finance = key("finance/lines");
    let mut upload = service
        .extractions
        .receive(&finance, Some("lines"))
        .expect("bound");
    let mut file = upload.begin("f.txt").expect("a name");
    file.write(b"0123456789").expect("room");
    file.finish().expect("a disk");
    let error = service.extractions.accept(&finance, upload, false);
    let error = error.expect_err("11 bytes").to_string();
    assert_eq!(error, "all artifacts would have 11 bytes, more than 10");
    // Content that nothing names any more is gone.
    until(|| {
        let kept = walk(&service.folder().join("extraction/artifacts"));
        (kept == 1).then_some(())
    });
}

fn walk(dir: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(dir).expect("a folder");
    entries
        .map(|entry| {
            let path = entry.expect("a file").path();
            if path.is_dir() { walk(&path) } else { 1 }
        })
        .sum()
}

#[test]
fn damage_is_named() {
    let service = Service::new(&["lines 1 plain"]);
    let orders = key("orders/lines");
    let done = service.extract(&orders, "a");
    let components = service.folder().join("extraction/components");
    let digest = done.extractor.expect("an extractor");
    let component = components.join(format!("{digest}.wasm"));
    // It is loaded already, and so what is on disk counts after a restart.
    let service = service.again(&["other 1 plain"], Options::default());
    std::fs::write(&component, "lines 2 plain").expect("a file");
    let failed = service.extract(&orders, "b");
    let error = failed.error.expect("an error");
    assert!(error.contains("is damaged"), "{error}");
    assert_eq!(service.graph().0, ["a"]);
}

#[test]
fn the_graph_says_which_fields_datasets_have_where_the_extractor_asks() {
    let service = Service::new(&["lines 1 catalog"]);
    let orders = key("orders/lines");
    let done = service.extract(&orders, "a -> b");
    assert_eq!(service.calls.load(std::sync::atomic::Ordering::SeqCst), 2);
    assert_eq!(&*done.diagnostics[0].code, "lines/catalog");
    assert!(done.diagnostics[0].message.contains("\"offset\": 0"));
}

#[test]
fn what_breaks_a_rule_is_refused_with_it() {
    let service = Service::new(&["lines 1 plain"]);
    let orders = key("orders/lines");
    let told = |error: ExtractionError| error.to_string();
    let error = service.extractions.receive(&orders, None).map(drop);
    assert_eq!(
        error.map_err(told),
        Err("source orders/lines is bound to no extractor of the service".to_owned())
    );
    let error = service
        .extractions
        .receive(&orders, Some("dbt"))
        .map(drop)
        .map_err(told);
    assert_eq!(
        error,
        Err("there is no extractor dbt; there are: lines".to_owned())
    );
    let binding = |key: &str| Binding {
        extractor: "lines".to_owned(),
        config: [(key.to_owned(), String::new())].into(),
        ..Binding::default()
    };
    let error = service.extractions.bind(&orders, binding("prefix"));
    assert_eq!(
        error.map(drop).map_err(told),
        Err("configuration: prefix is not a key of it".to_owned())
    );
    service
        .extractions
        .bind(&orders, binding("suffix"))
        .expect("bound");
    let error = service.extractions.request(&orders, false);
    assert_eq!(
        error.map(drop).map_err(told),
        Err("source orders/lines has no artifacts: send some first".to_owned())
    );
    let empty = service.extractions.receive(&orders, None).expect("bound");
    let error = service.extractions.accept(&orders, empty, false);
    assert_eq!(
        error.map(drop).map_err(told),
        Err("no artifacts were received".to_owned())
    );
}
