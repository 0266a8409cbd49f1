//! Whatever the text, something is told and nothing breaks.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use proptest::prelude::*;
use sql_lineage::{Catalog, Dialect, Options, Severity, analyze};

fn read(text: &str, dialect: Dialect) -> sql_lineage::Script {
    let options = Options {
        dialect: Some(dialect),
        ..Options::default()
    };
    let (text, catalog) = (text.to_owned(), Catalog::default());
    with_a_large_stack(move || analyze(&text, &options, &catalog))
}

/// Without optimisation a parser's frames are many times as large as they are in an extractor.
fn with_a_large_stack<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new()
        .stack_size(64 << 20)
        .spawn(read)
        .unwrap();
    thread.join().unwrap()
}

#[test]
fn what_ends_where_something_is_expected_is_read() {
    for text in [
        "select a from t pivot (sum(a) for m in ('x') group by",
        "select a from t pivot (sum(a) for m in ('x') group by)",
        "pivot t on m using sum(a) group by",
        "PIVOT (t) into )\ninsert into u select a from t pivot (sum(a) for m in ('x' as x} y))",
        "pivot t on",
        &[
            "MERGE USING, using s using (kk, a)\n",
            &"merge into u using s using (kk, a)\n".repeat(60),
        ]
        .concat(),
        "unpivot t on a into name",
    ] {
        for dialect in [Dialect::Snowflake, Dialect::Postgres, Dialect::DuckDb] {
            let script = read(text, dialect);
            assert!(
                script.statements.len() + script.problems.len() > 0,
                "{text}"
            );
        }
    }
}

#[test]
fn nesting_ends_in_a_diagnostic() {
    let deep = 4_500;
    let texts = [
        format!("select {}a{} from t", "(".repeat(deep), ")".repeat(deep)),
        format!(
            "select a from {}t{}",
            "(select * from ".repeat(deep),
            ")".repeat(deep)
        ),
        format!("select {}a from t", "- ".repeat(deep)),
        format!("select {}a from t", "not ".repeat(deep)),
        format!(
            "select {}1{} from t",
            "case when a then ".repeat(deep),
            " end".repeat(deep)
        ),
        format!("select {}a{} from t", "f(".repeat(deep), ")".repeat(deep)),
        format!("select {}1{} from t", "[".repeat(deep), "]".repeat(deep)),
        format!("select a{} from t", "[1]".repeat(deep)),
        format!("select a{} from t", "::int".repeat(deep)),
        format!("select a{} from t", " + a".repeat(deep)),
        format!(
            "select a from t{}",
            " union all select a from t".repeat(deep)
        ),
        format!("select a from t{}", " join t on true".repeat(deep)),
        "begin ".repeat(deep),
        "{{".repeat(deep),
        "$$ select $$".repeat(deep),
    ];
    for text in texts {
        for dialect in [Dialect::Generic, Dialect::Postgres, Dialect::Snowflake] {
            let script = read(&text, dialect);
            assert!(
                script.statements.len() + script.problems.len() <= deep * 2,
                "{}",
                &text[..40]
            );
        }
    }
}

#[test]
fn nesting_that_people_write_is_read() {
    let text = format!(
        "insert into u select {}a{} from t",
        "coalesce(".repeat(25),
        ", 0)".repeat(25)
    );
    let script = read(&text, Dialect::Postgres);
    assert_eq!(script.problems, []);
    assert_eq!(script.statements[0].edges.len(), 1);
    let many = format!("insert into u select a{} from t", " || b".repeat(1_500));
    let script = read(&many, Dialect::Postgres);
    assert_eq!(script.problems, []);
    assert_eq!(script.statements[0].edges.len(), 2);
}

#[test]
fn a_statement_that_looks_like_a_label_is_read_once() {
    for text in [
        "with :p as x",
        "select : a",
        "insert :: t",
        "drop : : x",
        "create table as\ncreate table as select fromu u as select from",
    ] {
        for dialect in Dialect::ALL {
            read(text, dialect);
        }
    }
}

#[test]
fn thousands_of_statements_need_nothing_between_them() {
    let text = "insert into u select a from t\n".repeat(3_000);
    let script = read(&text, Dialect::MsSql);
    assert_eq!(script.problems, []);
    assert_eq!(script.statements.len(), 3_000);
}

#[test]
fn a_statement_that_is_not_understood_is_told_with_its_place() {
    let script = read(
        "select 1;\n\n  select from from from;\nselect 2",
        Dialect::Ansi,
    );
    let problem = &script.problems[0];
    assert_eq!((problem.severity, problem.place.line), (Severity::Error, 3));
    assert_eq!(script.statements.len(), 2);
}

#[test]
fn auto_takes_a_dialect_that_understands() {
    for (text, expected) in [
        (
            "select `a b` from `p`.d.t",
            &[Dialect::Generic, Dialect::BigQuery][..],
        ),
        (
            "select top 5 [a b] from [dbo].[t]",
            &[Dialect::Redshift, Dialect::MsSql],
        ),
        ("select a from t", &[Dialect::Generic]),
    ] {
        let script = analyze(text, &Options::default(), &Catalog::default());
        assert!(script.problems.is_empty(), "{text}: {:?}", script.problems);
        assert_eq!(script.statements[0].inputs.len(), 1, "{text}");
        assert!(
            expected.contains(&script.dialect),
            "{text}: {}",
            script.dialect
        );
    }
}

/// Words, signs and halves of things, as they stand in SQL.
fn soup() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "select",
        "from",
        "where",
        "insert",
        "into",
        "with",
        "as",
        "(",
        ")",
        ",",
        ";",
        "*",
        "t",
        "a",
        "u.b",
        "join",
        "on",
        "using",
        "union",
        "all",
        "case",
        "when",
        "then",
        "end",
        "merge",
        "update",
        "set",
        "=",
        "create",
        "table",
        "view",
        "procedure",
        "begin",
        "$$",
        "'",
        "\"",
        "`",
        "--",
        "/*",
        "*/",
        "{{",
        "}}",
        "{%",
        "%}",
        "${",
        "}",
        "[",
        "]",
        "::",
        "1",
        "'x'",
        "over",
        "partition by",
        "lateral",
        "unnest",
        "pivot",
        "for",
        "in",
        "values",
        "delete",
        "copy",
        "@s/x",
        "go\n",
        "\n",
        "delimiter //\n",
        "//",
        "é",
        "\u{1f600}",
        "recursive",
        "using",
        "matched",
        "not",
        "exists",
        "qualify",
        "identifier",
        "execute immediate",
        "if",
        "loop",
        ":=",
        "#x",
        "%s",
        "%(a)s",
        "?",
        ":p",
        "e'",
        "n'",
        "q'[",
        "]'",
        "->",
        "=>",
        "struct<",
        ">",
        "array",
        "interval",
        "at time zone",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_soup_of_words_is_read(text in soup(), dialect in 0..Dialect::ALL.len()) {
        read(&text, Dialect::ALL[dialect]);
    }

    #[test]
    fn any_text_is_read(text in "\\PC{0,200}", dialect in 0..Dialect::ALL.len()) {
        read(&text, Dialect::ALL[dialect]);
    }

    #[test]
    fn places_are_within_the_text(text in soup()) {
        let lines: Vec<&str> = text.split('\n').collect();
        let script = read(&text, Dialect::Generic);
        let edges = script.statements.iter().flat_map(|s| &s.edges).map(|edge| edge.place);
        for place in script.statements.iter().map(|s| s.place).chain(edges) {
            let line = lines.get(place.line as usize - 1);
            prop_assert!(line.is_some_and(|line| place.column as usize <= line.chars().count() + 1), "{place:?}");
        }
    }
}
