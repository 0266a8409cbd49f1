//! Shapes of SQL that generators and people of warehouses write.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use std::fmt::Write as _;

use sql_lineage::{Catalog, Dialect, Options, Script, analyze};

/// Without optimisation a parser's frames are many times as large as they are in an extractor.
fn read(text: &str) -> Script {
    let options = Options {
        dialect: Some(Dialect::Snowflake),
        ..Options::default()
    };
    let (text, catalog) = (text.to_owned(), Catalog::default());
    let thread = std::thread::Builder::new()
        .stack_size(256 << 20)
        .spawn(move || analyze(&text, &options, &catalog))
        .unwrap();
    thread.join().unwrap()
}

/// The edges into column `b` of the one statement that `text` is.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let script = read(text);
    assert_eq!(script.problems, [], "{}", &text[..text.len().min(80)]);
    let edges = &script.statements[0].edges;
    let edges = edges
        .iter()
        .map(|edge| format!("{} -> {}", edge.from, edge.to));
    assert_eq!(edges.collect::<Vec<_>>(), expected);
}

#[test]
fn forty_subqueries_within_each_other() {
    let text = format!(
        "insert into u select b from {}t{}",
        "(select b from ".repeat(40),
        ") s".repeat(40)
    );
    check(&text, &["T.B -> U.B"]);
}

#[test]
fn calls_and_brackets_within_each_other() {
    let calls = format!(
        "insert into u select {}a{} as b from t",
        "coalesce(".repeat(120),
        ", 0)".repeat(120)
    );
    check(&calls, &["T.A -> U.B"]);
    let brackets = format!(
        "insert into u select {}a{} as b from t",
        "(1 + ".repeat(120),
        ")".repeat(120)
    );
    check(&brackets, &["T.A -> U.B"]);
}

#[test]
fn cases_within_each_other() {
    let text = format!(
        "insert into u select {}a{} as b from t",
        "case when c = 1 then 1 else ".repeat(60),
        " end".repeat(60)
    );
    check(&text, &["T.A -> U.B", "T.C -> U.B"]);
}

#[test]
fn hundreds_of_operators_in_a_row() {
    for operator in [" and a = ", " or a = ", " || a || ", " + a + "] {
        let start = if operator.contains('=') { "a = " } else { "" };
        let text = format!(
            "insert into u select {start}1{} as b from t",
            format!("{operator}1").repeat(500)
        );
        check(&text, &["T.A -> U.B"]);
    }
}

#[test]
fn hundreds_of_whens_and_thousands_of_elements() {
    let mut whens = String::new();
    for at in 0..300 {
        write!(whens, " when a = {at} then 'x{at}'").unwrap();
    }
    let text = format!("insert into u select case{whens} else 'y' end as b from t");
    check(&text, &["T.A -> U.B"]);
    let elements: Vec<String> = (0..5_000).map(|at| at.to_string()).collect();
    let text = format!(
        "insert into u select a as b from t where c in ({})",
        elements.join(", ")
    );
    check(&text, &["T.A -> U.B"]);
}

#[test]
fn hundreds_of_unions_joins_and_common_table_expressions() {
    let unions = format!(
        "insert into u select a as b from t{}",
        " union all select a from t".repeat(300)
    );
    check(&unions, &["T.A -> U.B"]);
    let joins: String = (0..200).fold(String::new(), |joins, at| {
        joins + &format!(" join t{at} on t{at}.k = t.k")
    });
    check(
        &format!("insert into u select t.a as b from t{joins}"),
        &["T.A -> U.B"],
    );
    let tables: String = (1..200).fold("c0 as (select a from t)".to_owned(), |tables, at| {
        tables + &format!(", c{at} as (select a from c{})", at - 1)
    });
    check(
        &format!("insert into u with {tables} select a as b from c199"),
        &["T.A -> U.B"],
    );
}

#[test]
fn a_statement_that_is_too_long_costs_only_itself() {
    let text = format!(
        "insert into u select a as b from t;\ninsert into v values {}(1);\ninsert into w select a as b from t",
        "(1, 'some text'),".repeat(200_000)
    );
    let script = read(&text);
    assert_eq!(script.statements.len(), 2);
    let problem = &script.problems[0];
    assert_eq!((problem.code, problem.place.line), ("length", 2));
    assert_eq!(
        problem.message,
        "expected a statement of at most 2097152 bytes"
    );
}

/// A long script is read another way than a short one; what comes of it is the same.
#[test]
fn a_long_script_is_read_as_its_parts_are() {
    let mut part = "create temporary table s as select a, c from t where d > 1;\n\
        create table m (x int, y int);\n\
        insert into u select s.a as b, m.x from s join m on s.c = m.y;\n\
        select from from;\n\
        drop table m;\n"
        .to_owned();
    let short = read(&part);
    part.push_str(&" \n".repeat(200 << 10));
    let long = read(&part);
    assert!(part.len() > 256 << 10 && !short.statements.is_empty());
    assert_eq!(short, long);
}
