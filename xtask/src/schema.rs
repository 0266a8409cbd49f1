//! `cargo xtask schema`: the GraphQL schema that is really served, in `schema.graphql`.

use std::fs;
use std::io::ErrorKind;

use anyhow::{Context, Result, bail, ensure};

use crate::cargo;
use crate::places::Places;

/// What `schema` is asked for.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Write nothing; fail if schema.graphql is not what the code serves.
    #[arg(long)]
    check: bool,
}

/// Writes `schema.graphql` if it differs from the served schema, or only checks it.
pub(crate) fn run(places: &Places, args: &Args) -> Result<()> {
    let path = places.root().join("schema.graphql");
    let served = served(places)?;
    let kept = match fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    match first_difference(kept.as_deref(), &served) {
        None => println!("schema.graphql is current"),
        Some(difference) if args.check => {
            bail!("schema.graphql is stale: {difference}; run `cargo xtask schema`")
        }
        Some(difference) => {
            fs::write(&path, &served)
                .with_context(|| format!("cannot write {}", path.display()))?;
            println!("wrote schema.graphql: {difference}");
        }
    }
    Ok(())
}

/// Whether the code that prints the schema is there to be asked.
pub(crate) fn can_print(places: &Places) -> bool {
    places
        .root()
        .join("crates/headwater-graphql/examples/print_schema.rs")
        .is_file()
}

/// The schema that the code serves, with one newline at its end.
pub(crate) fn served(places: &Places) -> Result<String> {
    let mut command = cargo::cargo(places);
    command.args([
        "run",
        "--quiet",
        "--package",
        "headwater-graphql",
        "--example",
        "print_schema",
    ]);
    let text = cargo::read(&mut command)?;
    ensure!(
        !text.trim().is_empty(),
        "`{}` printed an empty schema",
        cargo::shown(&command)
    );
    Ok(format!("{}\n", text.trim_end()))
}

/// Says where `kept` first differs from `served`, or `None` if it does not.
pub(crate) fn first_difference(kept: Option<&str>, served: &str) -> Option<String> {
    let Some(kept) = kept else {
        return Some("the file is not there".to_owned());
    };
    if kept == served {
        return None;
    }
    let mut kept_lines = kept.lines();
    let mut served_lines = served.lines();
    let mut line = 0;
    loop {
        line += 1;
        match (kept_lines.next(), served_lines.next()) {
            (None, None) => return Some("its line endings differ".to_owned()),
            (left, right) if left == right => {}
            (left, right) => {
                let left = left.unwrap_or("(end of file)");
                let right = right.unwrap_or("(end of file)");
                return Some(format!(
                    "line {line} is `{left}` where the code serves `{right}`"
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kept: Option<&str>, served: &str, expected: Option<&str>) {
        assert_eq!(first_difference(kept, served).as_deref(), expected);
    }

    #[test]
    fn a_current_schema_does_not_differ() {
        check(Some("type A\n"), "type A\n", None);
    }

    #[test]
    fn a_stale_schema_names_the_first_line_that_differs() {
        check(
            Some("type A\ntype B\n"),
            "type A\ntype C\n",
            Some("line 2 is `type B` where the code serves `type C`"),
        );
        check(
            Some("type A\n"),
            "type A\ntype C\n",
            Some("line 2 is `(end of file)` where the code serves `type C`"),
        );
    }

    #[test]
    fn a_schema_that_is_not_there_is_stale() {
        check(None, "type A\n", Some("the file is not there"));
    }

    #[test]
    fn a_difference_in_line_endings_alone_is_found() {
        check(Some("a\r\n"), "a\n", Some("its line endings differ"));
    }
}
