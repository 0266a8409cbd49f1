//! `headwater assert` and `headwater retract`: facts that people state.

use std::fmt::Write as _;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use headwater_model::DomainName;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::cli::AskArgs;
use crate::client::Client;
use crate::failure::{Exit, Failure};
use crate::output::{self, Format};
use crate::queries::Named;

const ASSERT_EXAMPLES: &str = "\
Examples:
  headwater assert edge lake/export.csv orders.public.orders --domain orders --reason 'loaded by hand each Monday'
  headwater assert edge orders#amount report#total --via job:excel/report --domain finance --reason 'a formula'
  headwater assert alias orders.public.orders '{\"kind\":\"DATASET\",\"namespace\":\"s3://lake\",\"name\":\"orders\"}' --domain orders --reason 'a mirror'
  headwater assert owner orders.public.orders team-orders --domain orders --author ana --reason 'agreed on Monday'
  headwater assert tag orders.public.orders#email pii=high --domain orders --reason 'audit of May'
  headwater assert description orders.public.orders 'All paid orders.' --domain orders --reason 'asked for often'";

const RETRACT_EXAMPLES: &str = "\
Examples:
  headwater retract edge lake/export.csv orders.public.orders --domain orders --reason 'a pipeline does it now'
  headwater retract tag orders.public.orders#email pii=high --domain orders --reason 'the column is gone'";

/// Assert an edge, alias, owner, tag or description by hand
///
/// The fact holds until it is retracted, whatever tools say, and history shows who asserted it and why. Asserting it
/// again changes nothing. REF is a reference; one that begins with { is an object of kind, namespace and name, and may
/// name what nobody has named yet.
#[derive(Debug, Args)]
#[command(after_help = ASSERT_EXAMPLES)]
pub(crate) struct AssertArgs {
    #[command(subcommand)]
    fact: Fact,
}

/// Take back what was asserted by hand
///
/// What other sources say of it goes on. Exits with 4 if the source does not assert the fact.
#[derive(Debug, Args)]
#[command(after_help = RETRACT_EXAMPLES)]
pub(crate) struct RetractArgs {
    #[command(subcommand)]
    fact: Fact,
}

#[derive(Debug, Subcommand)]
enum Fact {
    /// Data flows from one dataset, job or field to another
    #[command(after_help = "\
Examples:
  headwater assert edge a.orders b.report --domain finance --reason 'a spreadsheet'
  headwater retract edge a.orders b.report --domain finance --reason 'it went away'")]
    Edge {
        /// Where data comes from
        #[arg(value_name = "FROM")]
        from: String,
        /// Where it goes
        #[arg(value_name = "TO")]
        to: String,
        /// The job that does it, between datasets or fields
        #[arg(long, value_name = "JOB")]
        via: Option<String>,
        #[command(flatten)]
        statement: StatementArgs,
    },
    /// Two names mean one asset
    #[command(after_help = "\
Examples:
  headwater assert alias orders.public.orders lake/orders --domain orders --reason 'a mirror'
  headwater retract alias orders.public.orders lake/orders --domain orders --reason 'no mirror any more'")]
    Alias {
        /// The asset
        #[arg(value_name = "REF")]
        of: String,
        /// Its other name
        #[arg(value_name = "ALIAS")]
        alias: String,
        #[command(flatten)]
        statement: StatementArgs,
    },
    /// Somebody owns an asset
    #[command(after_help = "\
Examples:
  headwater assert owner orders.public.orders team-orders --type steward --domain orders --reason 'agreed'
  headwater retract owner orders.public.orders team-orders --type steward --domain orders --reason 'moved on'")]
    Owner {
        /// The asset
        #[arg(value_name = "REF")]
        of: String,
        /// Who
        #[arg(value_name = "NAME")]
        name: String,
        /// As what
        #[arg(long, value_name = "TYPE")]
        r#type: Option<String>,
        #[command(flatten)]
        statement: StatementArgs,
    },
    /// An asset or a field has a tag
    #[command(after_help = "\
Examples:
  headwater assert tag orders.public.orders#email pii=high --domain orders --reason 'audit of May'
  headwater retract tag orders.public.orders#email pii=high --domain orders --reason 'the column is gone'")]
    Tag {
        /// The asset or field
        #[arg(value_name = "REF")]
        of: String,
        /// The tag, with its value if it has one
        #[arg(value_name = "NAME[=VALUE]")]
        tag: String,
        #[command(flatten)]
        statement: StatementArgs,
    },
    /// What there is to say of an asset
    #[command(after_help = "\
Examples:
  headwater assert description orders.public.orders 'All paid orders.' --domain orders --reason 'asked for often'
  headwater retract description orders.public.orders 'All paid orders.' --domain orders --reason 'wrong'")]
    Description {
        /// The asset
        #[arg(value_name = "REF")]
        of: String,
        /// For a person to read
        #[arg(value_name = "TEXT")]
        text: String,
        #[command(flatten)]
        statement: StatementArgs,
    },
}

#[derive(Debug, Args)]
struct StatementArgs {
    /// The domain that speaks
    #[arg(long, value_name = "DOMAIN", value_parser = DomainName::parse)]
    domain: DomainName,

    /// The source within the domain
    #[arg(long, value_name = "NAME", default_value = "manual")]
    source: String,

    /// Who says so
    #[arg(
        long,
        value_name = "WHO",
        env = "HEADWATER_AUTHOR",
        help = "Who says so [default: the user of the shell, $USER]"
    )]
    author: Option<String>,

    /// Who is logged in
    #[arg(long, env = "USER", hide = true, value_name = "USER")]
    user: Option<String>,

    /// Why
    #[arg(long, value_name = "WHY")]
    reason: String,

    /// Only tell what would change
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    ask: AskArgs<Format>,
}

/// What a fact is made of: the end of the mutation's name, and its arguments with their types.
type Parts<'a> = (&'static str, Vec<(&'static str, &'static str, Value)>);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    about: String,
    #[serde(rename = "isChange")]
    is_effective: bool,
    #[serde(default)]
    warning: Option<String>,
    offset: Option<u64>,
    added_count: Option<u64>,
    removed_count: Option<u64>,
    source: Option<Source>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Source {
    name: String,
    domain: Named,
}

impl Fact {
    fn parts(&self) -> anyhow::Result<(Parts<'_>, &StatementArgs)> {
        const REFERENCE: &str = "Reference!";
        Ok(match self {
            Self::Edge {
                from,
                to,
                via,
                statement,
            } => {
                let via = via.as_deref().map(reference).transpose()?;
                let parts = vec![
                    ("from", REFERENCE, reference(from)?),
                    ("to", REFERENCE, reference(to)?),
                    ("via", "Reference", via.unwrap_or_default()),
                ];
                (("Edge", parts), statement)
            }
            Self::Alias {
                of,
                alias,
                statement,
            } => {
                let parts = vec![
                    ("of", REFERENCE, reference(of)?),
                    ("alias", REFERENCE, reference(alias)?),
                ];
                (("Alias", parts), statement)
            }
            Self::Owner {
                of,
                name,
                r#type,
                statement,
            } => {
                let parts = vec![
                    ("of", REFERENCE, reference(of)?),
                    ("name", "String!", json!(name)),
                    ("type", "String", json!(r#type)),
                ];
                (("Owner", parts), statement)
            }
            Self::Tag { of, tag, statement } => {
                let (name, value) = match tag.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (&**tag, None),
                };
                let parts = vec![
                    ("of", REFERENCE, reference(of)?),
                    ("name", "String!", json!(name)),
                    ("value", "String", json!(value)),
                ];
                (("Tag", parts), statement)
            }
            Self::Description {
                of,
                text,
                statement,
            } => {
                let parts = vec![
                    ("of", REFERENCE, reference(of)?),
                    ("text", "String!", json!(text)),
                ];
                (("Description", parts), statement)
            }
        })
    }
}

/// A reference as it is sent: text, or the object that it spells.
fn reference(text: &str) -> anyhow::Result<Value> {
    if !text.starts_with('{') {
        return Ok(json!(text));
    }
    let object = serde_json::from_str(text)
        .map_err(|error| Failure::new(Exit::Input, format!("reference {text}: {error}")));
    object.context("a reference that begins with { is JSON")
}

/// The mutation and its variables.
fn request(
    verb: &str,
    (what, parts): Parts<'_>,
    statement: &StatementArgs,
    author: &str,
) -> (String, String, Value) {
    let field = format!("{verb}{what}");
    let mut variables = Map::new();
    let (mut declared, mut arguments) = (String::new(), String::new());
    let said = [
        (
            "source",
            "ManualSource!",
            json!({"domain": statement.domain.as_str(), "name": statement.source}),
        ),
        ("author", "String!", json!(author)),
        ("reason", "String!", json!(statement.reason)),
        ("dryRun", "Boolean!", json!(statement.dry_run)),
    ];
    for (name, kind, value) in parts.into_iter().chain(said) {
        // Writing to a string does not fail.
        let _ = write!(declared, "${name}: {kind} ");
        let _ = write!(arguments, "{name}: ${name} ");
        variables.insert(name.to_owned(), value);
    }
    let query = format!(
        "mutation({}) {{ {field}({}) {{ about isChange warning offset addedCount removedCount source {{ name domain {{ name }} }} }} }}",
        declared.trim_end(),
        arguments.trim_end()
    );
    (field, query, Value::Object(variables))
}

/// Runs `assert`.
pub(crate) fn run_assert(args: &AssertArgs) -> anyhow::Result<()> {
    run(&args.fact, "assert")
}

/// Runs `retract`.
pub(crate) fn run_retract(args: &RetractArgs) -> anyhow::Result<()> {
    run(&args.fact, "retract")
}

fn run(fact: &Fact, verb: &str) -> anyhow::Result<()> {
    let (parts, statement) = fact.parts()?;
    let author = statement.author.as_ref().or(statement.user.as_ref());
    let Some(author) = author.filter(|author| !author.trim().is_empty()) else {
        let failure = Failure::new(Exit::Usage, "nobody is named as the author");
        return Err(failure
            .hint("say who with --author or HEADWATER_AUTHOR")
            .into());
    };
    let (field, query, variables) = request(verb, parts, statement, author);
    let client = Client::new(statement.ask.server.url())?;
    let change: Change = client.ask(&field, &query, &variables)?;
    match statement.ask.format {
        Format::Json => output::print_json(&change),
        Format::Table => output::print(&render(&change, verb)),
    }
}

fn render(change: &Change, verb: &str) -> String {
    let about = output::printable(&change.about);
    let verb = format!("{verb}ed");
    let warning = change.warning.as_deref().map(output::printable);
    let warning = warning.map_or(String::new(), |why| format!("warning: {why}\n"));
    let text = match (change.offset, change.is_effective) {
        (Some(offset), true) => format!(
            "{verb}: {about}\nvisible at offset {offset}: +{} -{}\n",
            change.added_count.unwrap_or_default(),
            change.removed_count.unwrap_or_default()
        ),
        (Some(offset), false) => {
            format!("nothing changes, asserted already at offset {offset}: {about}\n")
        }
        (None, true) => format!("would be {verb}: {about}\n"),
        (None, false) => format!("nothing would change, asserted already: {about}\n"),
    };
    text + &warning
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use insta::{assert_json_snapshot, assert_snapshot};

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(subcommand)]
        fact: Fact,
    }

    fn asked(line: &str) -> (String, Value) {
        let line = format!("x {line} --domain growth --author ana --reason why");
        let parsed = Line::try_parse_from(line.split(' ')).expect("a line");
        let (parts, statement) = parsed.fact.parts().expect("parts");
        let (_, query, variables) = request("assert", parts, statement, "ana");
        (query, variables)
    }

    #[test]
    fn each_fact_is_a_mutation_with_variables() {
        let (query, variables) = asked("edge a#x b --via job:etl/load --dry-run");
        assert_snapshot!(query, @"mutation($from: Reference! $to: Reference! $via: Reference $source: ManualSource! $author: String! $reason: String! $dryRun: Boolean!) { assertEdge(from: $from to: $to via: $via source: $source author: $author reason: $reason dryRun: $dryRun) { about isChange warning offset addedCount removedCount source { name domain { name } } } }");
        assert_json_snapshot!(variables, @r#"
        {
          "author": "ana",
          "dryRun": true,
          "from": "a#x",
          "reason": "why",
          "source": {
            "domain": "growth",
            "name": "manual"
          },
          "to": "b",
          "via": "job:etl/load"
        }
        "#);
        assert_eq!(asked("tag a pii=a=b").1["value"], "a=b");
        assert_eq!(asked("tag a pii").1["value"], Value::Null);
        assert_eq!(asked("owner a bob --type lead").1["type"], "lead");
        let (_, alias) = asked(r#"alias a {"kind":"DATASET","namespace":"n","name":"m"}"#);
        assert_eq!(alias["alias"]["namespace"], "n");
        assert!(asked("description a text").0.contains("assertDescription"));
    }

    #[test]
    fn what_changed_is_told() {
        let of = |offset: Option<u64>, is_change: bool| {
            let change = Change {
                about: "db/b derives from db/a".into(),
                is_effective: is_change,
                warning: None,
                offset,
                added_count: Some(3),
                removed_count: Some(0),
                source: None,
            };
            render(&change, "assert")
        };
        assert_snapshot!(of(Some(7), true), @r"
        asserted: db/b derives from db/a
        visible at offset 7: +3 -0
        ");
        assert_snapshot!(of(Some(7), false), @"nothing changes, asserted already at offset 7: db/b derives from db/a");
        assert_snapshot!(of(None, true), @"would be asserted: db/b derives from db/a");
        assert_snapshot!(of(None, false), @"nothing would change, asserted already: db/b derives from db/a");
        let change = Change {
            about: "db/a is also db/b".into(),
            is_effective: true,
            warning: Some("both are declared".into()),
            offset: Some(7),
            added_count: Some(1),
            removed_count: Some(0),
            source: None,
        };
        assert_snapshot!(render(&change, "assert"), @r"
        asserted: db/a is also db/b
        visible at offset 7: +1 -0
        warning: both are declared
        ");
    }
}
