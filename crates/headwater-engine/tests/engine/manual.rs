//! What people assert by hand and take back.

use std::sync::Arc;

use headwater_engine::{
    AsOf, AskError, ManualFact, ManualPlan, ManualQuestion, Receipt, Reference, SubmitError,
    state_digest,
};
use headwater_model::{AssetIndex, AssetKind, Statement, Timestamp};
use headwater_store::MemoryState;
use insta::assert_snapshot;

use crate::support::{Fixture, SECOND, dataset, edges, snapshot};

/// The mesh: `a -> load -> b` of one tool.
fn fixture() -> Fixture {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 10, "a -> load -> b; c; d"));
    fixture
}

fn text(of: &str) -> Reference {
    Reference::Text(of.to_owned())
}

fn edge(from: &str, to: &str) -> ManualFact {
    ManualFact::Edge {
        from: text(from),
        to: text(to),
        via: None,
    }
}

fn alias(of: &str, alias: &str) -> ManualFact {
    ManualFact::Alias {
        of: text(of),
        alias: text(alias),
    }
}

fn description(of: &str, words: &str) -> ManualFact {
    ManualFact::Description {
        of: text(of),
        text: words.to_owned(),
    }
}

fn question(source: &str, fact: ManualFact, is_retraction: bool) -> ManualQuestion {
    ManualQuestion {
        source: crate::support::source(source),
        fact,
        is_retraction,
        author: "ana".into(),
        reason: if is_retraction {
            "it went away"
        } else {
            "the export is by hand"
        }
        .into(),
    }
}

fn plan(
    fixture: &Fixture,
    seconds: i64,
    question: &ManualQuestion,
) -> Result<ManualPlan, AskError> {
    let at = Timestamp::from_micros(seconds * SECOND);
    fixture.view().plan_manual(question, at)
}

fn say(fixture: &Fixture, seconds: i64, question: &ManualQuestion) -> Receipt {
    let plan = plan(fixture, seconds, question).expect("it can be said");
    fixture.submit(plan.submission)
}

fn assert_in(fixture: &Fixture, source: &str, seconds: i64, fact: ManualFact) -> Receipt {
    say(fixture, seconds, &question(source, fact, false))
}

fn retract_in(fixture: &Fixture, source: &str, seconds: i64, fact: ManualFact) -> Receipt {
    say(fixture, seconds, &question(source, fact, true))
}

fn index(fixture: &Fixture, name: &str) -> AssetIndex {
    let found = fixture.view().find(AssetKind::Dataset, dataset(name));
    found.expect("the state is read").expect("it is known")
}

fn rebuilt(fixture: &Fixture) -> Fixture {
    Fixture::over(Arc::clone(&fixture.log), Arc::new(MemoryState::new())).0
}

#[test]
fn an_edge_lives_until_it_is_retracted() {
    let fixture = fixture();
    let asserted = assert_in(&fixture, "orders/manual", 20, edge("db/c", "db/d"));
    assert_in(&fixture, "orders/manual", 21, edge("db/d", "db/a"));
    assert_snapshot!(fixture.edges(), @r"
    a -> load
    c -> d
    d -> a
    load -> b
    ");
    let retracted = retract_in(&fixture, "orders/manual", 30, edge("db/c", "db/d"));
    assert_snapshot!(fixture.edges(), @r"
    a -> load
    d -> a
    load -> b
    ");
    let known = AsOf {
        valid_at: None,
        known_at: Some(asserted.offset),
    };
    let held = AsOf {
        valid_at: Some(Timestamp::from_micros(25 * SECOND)),
        known_at: None,
    };
    for past in [known, held] {
        let view = fixture.view().as_of(&past).expect("a past");
        assert!(edges(&view).contains("c -> d"), "{past:?}");
    }
    assert!(asserted.offset < retracted.offset && retracted.removed_count > 0);
    assert_eq!(
        state_digest(&*fixture.state).expect("a digest"),
        state_digest(&*rebuilt(&fixture).state).expect("a digest")
    );
}

#[test]
fn who_asserted_and_who_retracted_is_told_with_their_reasons() {
    let fixture = fixture();
    assert_in(&fixture, "orders/manual", 20, edge("db/c", "db/d"));
    let notes = |fixture: &Fixture| -> Vec<String> {
        let history = fixture
            .view()
            .history(index(fixture, "d"))
            .expect("history");
        let derived = history
            .into_iter()
            .filter(|entry| entry.about.contains("derives"));
        derived
            .map(|entry| entry.assertion.note.unwrap_or_default().to_string())
            .collect()
    };
    assert_eq!(notes(&fixture), ["asserted by ana: the export is by hand"]);
    retract_in(&fixture, "orders/manual", 30, edge("db/c", "db/d"));
    assert_in(&fixture, "orders/manual", 40, edge("db/c", "db/d"));
    assert_eq!(
        notes(&fixture),
        [
            "asserted by ana: the export is by hand; retracted at offset 3 by ana: it went away",
            "asserted by ana: the export is by hand"
        ]
    );
}

/// What the manual sources ever said of a dataset, with who said it and who took it back.
fn told(fixture: &Fixture, name: &str) -> String {
    let history = fixture
        .view()
        .history(index(fixture, name))
        .expect("history");
    let by_hand = history.into_iter().filter_map(|entry| {
        let note = entry.assertion.note?;
        note.starts_with("asserted by")
            .then(|| format!("{}: {note}", entry.about))
    });
    by_hand.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_retracted_alias_is_in_the_history_of_both_names() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 10, "c; x -> load -> d"));
    assert_in(&fixture, "orders/manual", 20, alias("db/c", "db/x"));
    assert_eq!(told(&fixture, "c"), told(&fixture, "x"), "one asset");
    retract_in(&fixture, "orders/manual", 21, alias("db/c", "db/x"));
    assert_snapshot!(told(&fixture, "c"), @r"
    exists: asserted by ana: the export is by hand; retracted at offset 3 by ana: it went away
    is also db/x: asserted by ana: the export is by hand; retracted at offset 3 by ana: it went away
    ");
    assert_snapshot!(told(&fixture, "x"), @"db/c is also db/x: asserted by ana: the export is by hand; retracted at offset 3 by ana: it went away");
    assert_eq!(
        state_digest(&*fixture.state).expect("a digest"),
        state_digest(&*rebuilt(&fixture).state).expect("a digest")
    );
}

#[test]
fn what_a_job_no_longer_reads_or_writes_is_in_the_history_of_the_dataset() {
    let fixture = fixture();
    for (seconds, fact) in [
        (20, edge("c", "job:etl/load")),
        (21, edge("job:etl/load", "c")),
    ] {
        assert_in(&fixture, "orders/manual", seconds, fact.clone());
        retract_in(&fixture, "orders/manual", seconds + 10, fact);
    }
    let told = told(&fixture, "c");
    for edge in [
        "job:etl/load reads db/c: asserted by",
        "job:etl/load writes db/c: asserted by",
    ] {
        assert!(told.contains(edge), "{told}");
    }
    // So it is with those of a tool.
    fixture.submit(snapshot("orders/dbt", 40, "b; c; d"));
    let history = fixture
        .view()
        .history(index(&fixture, "b"))
        .expect("history");
    let ended = history
        .iter()
        .find(|entry| entry.about == "job:etl/load writes db/b");
    assert!(ended.expect("it was said").assertion.valid_to.is_some());
}

#[test]
fn a_description_that_was_taken_back_is_told_by_its_text() {
    let fixture = fixture();
    assert_in(
        &fixture,
        "orders/manual",
        20,
        description("db/c", "by \"hand\""),
    );
    retract_in(
        &fixture,
        "orders/manual",
        21,
        description("db/c", "by \"hand\""),
    );
    assert_snapshot!(told(&fixture, "c"), @r#"the description is "by \"hand\"": asserted by ana: the export is by hand; retracted at offset 3 by ana: it went away"#);
}

#[test]
fn an_alias_that_joins_nothing_says_so_and_names_the_rule() {
    let fixture = Fixture::new();
    fixture.submit(snapshot(
        "orders/dbt",
        10,
        "c; d; e; x -> load -> e; y -> load -> e",
    ));
    let why = |fixture: &Fixture, asked: &ManualQuestion, is_said: bool| {
        let plan = plan(fixture, 30, asked).expect("a plan");
        let why = fixture.view().why_without_effect(&plan, is_said);
        why.expect("the state is read").unwrap_or_default()
    };
    let asked = |of: &str, other: &str| question("orders/manual", alias(of, other), false);
    let both = asked("db/c", "db/d");
    let rule = "db/c and db/d are both declared and stay two: an alias merges no two datasets that are both declared, \
        only a rule of identity does: see headwater aliases plan";
    assert_eq!(why(&fixture, &both, false), rule);
    say(&fixture, 20, &both);
    assert_ne!(index(&fixture, "c"), index(&fixture, "d"));
    assert_eq!(why(&fixture, &both, true), rule);
    assert_eq!(
        why(
            &fixture,
            &question("orders/manual", alias("db/c", "db/d"), true),
            false
        ),
        ""
    );
    // x is not declared: it is c then, and can't be d besides.
    let first = asked("db/c", "db/x");
    assert_eq!(why(&fixture, &first, false), "");
    say(&fixture, 21, &first);
    assert_eq!(why(&fixture, &first, true), "");
    let second = question(
        "orders/manual",
        ManualFact::Alias {
            of: text("db/y"),
            alias: text("db/x"),
        },
        false,
    );
    say(&fixture, 22, &second);
    assert_eq!(why(&fixture, &second, true), "");
    let third = asked("db/d", "db/y");
    say(&fixture, 23, &third);
    let told = why(&fixture, &third, true);
    assert!(
        told.contains("stay two") && told.contains("a rule of identity"),
        "{told}"
    );
}

#[test]
fn what_two_sources_assert_lives_until_the_last_one_ends_it() {
    let fixture = fixture();
    fixture.submit(snapshot("growth/dbt", 11, "c => d"));
    assert_in(&fixture, "orders/manual", 20, edge("db/c", "db/d"));
    assert_in(&fixture, "growth/manual", 21, edge("db/c", "db/d"));
    // The tool no longer says so.
    fixture.submit(snapshot("growth/dbt", 22, "c"));
    assert!(fixture.edges().contains("c -> d"));
    retract_in(&fixture, "orders/manual", 23, edge("db/c", "db/d"));
    assert!(fixture.edges().contains("c -> d"));
    retract_in(&fixture, "growth/manual", 24, edge("db/c", "db/d"));
    assert!(!fixture.edges().contains("c -> d"));
}

#[test]
fn an_edge_of_a_tool_outlives_the_retraction_of_the_same_by_hand() {
    let fixture = fixture();
    fixture.submit(snapshot("growth/dbt", 11, "c => d"));
    assert_in(&fixture, "orders/manual", 20, edge("db/c", "db/d"));
    retract_in(&fixture, "orders/manual", 21, edge("db/c", "db/d"));
    assert!(fixture.edges().contains("c -> d"));
}

#[test]
fn the_same_assertion_again_is_a_repeat() {
    let fixture = fixture();
    let first = assert_in(&fixture, "orders/manual", 20, edge("db/c", "db/d"));
    let mut again = question("orders/manual", edge("db/c", "db/d"), false);
    again.author = "bo".into();
    let planned = plan(&fixture, 21, &again).expect("a plan");
    assert!(!planned.is_change);
    let repeat = fixture.submit(planned.submission);
    assert!(repeat.is_repeat);
    assert_eq!(repeat.offset, first.offset);
    assert_eq!(
        fixture.view().offset(),
        first.offset,
        "nothing was appended"
    );
}

#[test]
fn what_is_not_asserted_cannot_be_retracted() {
    let fixture = fixture();
    assert_in(&fixture, "orders/manual", 20, edge("db/c", "db/d"));
    let refused = |source: &str, fact: ManualFact| {
        let asked = question(source, fact, true);
        plan(&fixture, 30, &asked)
            .expect_err("nobody said so")
            .to_string()
    };
    assert_snapshot!(refused("orders/manual", edge("db/d", "db/c")), @"source orders/manual does not assert that db/c derives from db/d");
    assert_snapshot!(refused("growth/manual", edge("db/c", "db/d")), @"source growth/manual does not assert that db/d derives from db/c");
    // What a tool says is not for a person to take back.
    assert_snapshot!(refused("orders/manual", edge("db/a", "job:etl/load")), @"source orders/manual does not assert that job:etl/load reads db/a");
    let asked = question("orders/manual", edge("db/c", "db/d"), true);
    let late = plan(&fixture, 30, &asked).expect("a plan").submission;
    fixture.submit(late.clone());
    assert!(matches!(
        fixture.try_submit(late),
        Err(SubmitError::NotAsserted { .. })
    ));
}

#[test]
fn edges_follow_the_kinds_of_their_ends() {
    let fixture = fixture();
    let about = |fact: ManualFact| {
        let asked = question("orders/manual", fact, false);
        plan(&fixture, 20, &asked).map_or_else(|error| error.to_string(), |plan| plan.about)
    };
    let via = |from: &str, to: &str| ManualFact::Edge {
        from: text(from),
        to: text(to),
        via: Some(text("job:etl/load")),
    };
    assert_snapshot!(about(edge("c", "job:etl/load")), @"job:etl/load reads db/c");
    assert_snapshot!(about(edge("job:etl/load", "c")), @"job:etl/load writes db/c");
    assert_snapshot!(about(via("c", "d")), @"db/d derives from db/c by job:etl/load");
    assert_snapshot!(about(via("job:etl/load", "d")), @"via goes with an edge between datasets or fields, not with WRITES");
    assert_snapshot!(about(edge("nowhere", "d")), @r#"nothing is known by "nowhere""#);
    assert_snapshot!(about(alias("c", "c")), @"db/c is no alias of itself");
    assert_snapshot!(about(alias("c", "job:etl/load")), @"db/c and job:etl/load are of two kinds, and so can't be one asset");
}

#[test]
fn a_field_edge_is_an_edge_of_its_datasets_too() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 10, "c.x; d.y"));
    assert_in(&fixture, "orders/manual", 20, edge("db/c#x", "db/d#y"));
    assert_snapshot!(fixture.edges(), @"c -> d");
    retract_in(&fixture, "orders/manual", 21, edge("db/c#x", "db/d#y"));
    assert_snapshot!(fixture.edges(), @"");
}

#[test]
fn an_alias_is_taken_back_by_either_name() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 10, "c; x -> load -> d"));
    assert_ne!(index(&fixture, "c"), index(&fixture, "x"));
    assert_in(&fixture, "orders/manual", 20, alias("db/c", "db/x"));
    assert_eq!(index(&fixture, "c"), index(&fixture, "x"));
    let view = fixture.view();
    let details = view.details(index(&fixture, "c")).expect("details");
    assert_eq!(
        &*details.aliases[0].reason,
        "asserted by ana: the export is by hand"
    );
    retract_in(&fixture, "orders/manual", 21, alias("db/c", "db/x"));
    assert_ne!(index(&fixture, "c"), index(&fixture, "x"));
}

#[test]
fn a_fact_under_a_name_that_was_merged_meanwhile_is_found_again() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 10, "c; x -> load -> d"));
    assert_in(&fixture, "orders/manual", 20, edge("db/x", "db/c"));
    assert_in(&fixture, "orders/manual", 21, alias("db/d", "db/x"));
    // The edge was asserted of x, which is d now.
    retract_in(&fixture, "orders/manual", 22, edge("d", "c"));
    assert!(!fixture.edges().contains("-> c"));
}

#[test]
fn a_description_by_hand_counts_more_than_that_of_a_tool() {
    let fixture = fixture();
    let shown = |fixture: &Fixture| {
        let details = fixture
            .view()
            .details(index(fixture, "b"))
            .expect("details");
        details.description.map(|text| text.to_string())
    };
    let mut tool = snapshot("orders/dbt", 11, "a -> load -> b");
    if let Statement::Snapshot(said) = &mut tool.statement {
        for dataset in &mut said.facts.datasets {
            dataset.description = Some("of the tool".into());
        }
    }
    fixture.submit(tool);
    assert_in(&fixture, "orders/manual", 12, description("db/b", "first"));
    assert_in(&fixture, "orders/manual", 13, description("db/b", "second"));
    assert_eq!(shown(&fixture).as_deref(), Some("second"));
    retract_in(&fixture, "orders/manual", 14, description("db/b", "second"));
    assert_eq!(shown(&fixture).as_deref(), Some("first"));
    retract_in(&fixture, "orders/manual", 15, description("db/b", "first"));
    assert_eq!(shown(&fixture).as_deref(), Some("of the tool"));
}

#[test]
fn describing_a_job_does_not_claim_it() {
    let fixture = fixture();
    assert_in(
        &fixture,
        "growth/manual",
        20,
        description("job:etl/load", "loads"),
    );
    let view = fixture.view();
    let job = view.find(AssetKind::Job, crate::support::job("load"));
    let job = view
        .asset(job.expect("read").expect("known"))
        .expect("there");
    assert_eq!(job.domain.as_deref(), Some("orders"));
}

#[test]
fn secrets_in_what_people_write_are_not_kept() {
    let fixture = fixture();
    let secret = "use password=hunter2hunter2 there";
    let mut asked = question("orders/manual", description("db/b", secret), false);
    asked.reason = "see postgres://u:hunter2hunter2@h/db".into();
    let receipt = say(&fixture, 20, &asked);
    let mut out = Vec::new();
    headwater_engine::export(&*fixture.log, &mut out, &mut |_| {}).expect("an export");
    let out = String::from_utf8(out).expect("text");
    assert!(receipt.offset > 0 && !out.contains("hunter2"), "{out}");
    // What was kept is what is taken back.
    say(
        &fixture,
        21,
        &question("orders/manual", description("db/b", secret), true),
    );
}

#[test]
fn author_and_reason_are_required_and_bounded() {
    let fixture = fixture();
    let refused = |author: &str, reason: &str| {
        let mut asked = question("orders/manual", edge("db/c", "db/d"), false);
        asked.author = author.into();
        asked.reason = reason.into();
        plan(&fixture, 20, &asked).expect_err("refused").to_string()
    };
    assert_snapshot!(refused(" ", "why"), @"author is empty");
    assert_snapshot!(refused("ana", ""), @"reason is empty");
    assert_snapshot!(refused(&"a".repeat(257), "why"), @"author has 257 bytes, more than 256");
    assert_snapshot!(refused("ana", &"a".repeat(2049)), @"reason has 2049 bytes, more than 2048");
    assert_snapshot!(refused("a\u{7}", "why"), @"author has a control character");
}

#[test]
fn a_source_is_of_people_or_of_a_tool() {
    let fixture = fixture();
    let asked = question("orders/dbt", edge("db/c", "db/d"), false);
    let plan = plan(&fixture, 20, &asked).expect("a plan");
    let refused = fixture.try_submit(plan.submission).expect_err("refused");
    assert_snapshot!(refused, @"source orders/dbt is of a tool: assert manual facts in another source");
    assert_in(&fixture, "orders/manual", 20, edge("db/c", "db/d"));
    let refused = fixture.try_submit(snapshot("orders/manual", 21, "e"));
    assert_snapshot!(refused.expect_err("refused"), @"source orders/manual holds manual facts: submit as another source");
}
