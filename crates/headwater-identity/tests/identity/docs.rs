//! The documentation shows the rules and the platforms that there are.

use std::fmt::Write as _;
use std::path::Path;

use headwater_identity::{Casing, RULES, SCHEMES, Shape};

fn rules() -> String {
    let mut table = "| rule | when | what it does |\n|---|---|---|\n".to_owned();
    for rule in RULES {
        let configured = if rule.is_configured {
            " (configured)"
        } else {
            ""
        };
        let _ = writeln!(
            table,
            "| `{}`{configured} | {} | {} |",
            rule.name, rule.when, rule.does
        );
    }
    table
}

fn platforms() -> String {
    let mut table =
        "| platform | scheme | also | names | bare | quoted | port |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    for scheme in SCHEMES {
        let also: Vec<String> = scheme
            .spellings
            .iter()
            .map(|spelling| format!("`{spelling}`"))
            .collect();
        let (names, has_identifiers) = match scheme.shape {
            Shape::Parts(count) => (format!("{count} parts"), true),
            Shape::Path => ("a path".to_owned(), false),
            Shape::Topic => ("a topic".to_owned(), false),
            Shape::Glue => ("`table/<database>/<table>`".to_owned(), false),
            Shape::Opaque => ("as written".to_owned(), false),
        };
        let folds = |casing: Casing| if has_identifiers { casing.words() } else { "" };
        let port = scheme.port.map(|port| port.to_string()).unwrap_or_default();
        let _ = writeln!(
            table,
            "| {} | `{}` | {} | {names} | {} | {} | {port} |",
            scheme.platform,
            scheme.name,
            also.join(", "),
            folds(scheme.fold.bare),
            folds(scheme.fold.quoted),
        );
    }
    table
}

/// With `HEADWATER_WRITE_DOCS` in the environment, the tables are written instead.
#[test]
fn the_documentation_shows_what_there_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/identity.md");
    let mut text = std::fs::read_to_string(&path).expect("the page is there");
    let is_writing = std::env::var_os("HEADWATER_WRITE_DOCS").is_some();
    for (mark, table) in [("rules", rules()), ("platforms", platforms())] {
        let (open, close) = (format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->"));
        let start = text.find(&open).expect("a mark opens the table") + open.len();
        let end = text.find(&close).expect("a mark closes the table");
        if is_writing {
            text.replace_range(start..end, &table);
        } else {
            assert_eq!(
                &text[start..end],
                table,
                "the table of {mark} is out of date"
            );
        }
    }
    if is_writing {
        std::fs::write(&path, text).expect("the page is written");
    }
}
