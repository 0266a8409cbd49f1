//! `headwater aliases`: the rules by which names are one dataset.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use headwater_record::IdentityRecord;
use serde::{Deserialize, Serialize};

use crate::cli::AskArgs;
use crate::client::{Client, blames_input};
use crate::failure::{Exit, Failure};
use crate::mesh_file;
use crate::output::{self, ListFormat};

/// The rules by which names are one dataset
#[derive(Debug, Args)]
pub(crate) struct AliasesArgs {
    #[command(subcommand)]
    command: AliasesCommand,
}

#[derive(Debug, Subcommand)]
enum AliasesCommand {
    /// Show what rules would merge, split and move, and change nothing
    #[command(after_help = "\
Examples:
  headwater aliases plan mesh.toml
  headwater aliases plan identity.toml --format json")]
    Plan(RulesArgs),
    /// Make rules hold, from now on
    #[command(after_help = "\
Examples:
  headwater aliases apply mesh.toml")]
    Apply(RulesArgs),
}

#[derive(Debug, Args)]
struct RulesArgs {
    /// A mesh file, or a file with its table [identity] alone
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    ask: AskArgs<ListFormat>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    offset: Option<u64>,
    merges_count: u64,
    splits_count: u64,
    moves_count: u64,
    merges: Vec<Planned>,
    splits: Vec<Planned>,
    moves: Vec<Planned>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Planned {
    before: Vec<String>,
    after: Vec<String>,
    reason: String,
}

/// Runs the command.
pub(crate) fn run(args: &AliasesArgs) -> anyhow::Result<()> {
    let (args, suffix) = match &args.command {
        AliasesCommand::Plan(args) => (args, "?dryRun=true"),
        AliasesCommand::Apply(args) => (args, ""),
    };
    let rules = mesh_file::read_identity(&args.file)?;
    let client = Client::new(args.ask.server.url())?;
    let body = serde_json::to_vec(&IdentityRecord::of(&rules))?;
    let path = format!("/api/v1/identity{suffix}");
    // The same rules twice are the same rules.
    let reply = client.post_repeatable(&path, &[], &body)?;
    if !reply.is_success() {
        let exit = if blames_input(reply.status) {
            Exit::Input
        } else {
            Exit::Failed
        };
        let message = format!("{}: {}", args.file.display(), reply.error().text());
        return Err(Failure::new(exit, message).into());
    }
    let plan: Plan = serde_json::from_slice(&reply.body)?;
    match args.ask.format {
        ListFormat::Json => output::print_json(&plan),
        ListFormat::Table => output::print(&render(&plan)),
        ListFormat::Csv => output::print(&csv(&plan)?),
    }
}

/// What happens, its number, and what of it is listed.
fn kinds(plan: &Plan) -> [(&'static str, u64, &[Planned]); 3] {
    [
        ("merge", plan.merges_count, &plan.merges),
        ("split", plan.splits_count, &plan.splits),
        ("move", plan.moves_count, &plan.moves),
    ]
}

fn render(plan: &Plan) -> String {
    let mut text = String::new();
    for (what, count, listed) in kinds(plan) {
        for planned in listed {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{what}");
            for (sign, names) in [("-", &planned.before), ("+", &planned.after)] {
                for name in names {
                    let _ = writeln!(text, "  {sign} {}", output::printable(name));
                }
            }
            if !planned.reason.is_empty() {
                let _ = writeln!(text, "  by {}", output::printable(&planned.reason));
            }
        }
        let left = count.saturating_sub(listed.len() as u64);
        if left > 0 {
            let _ = writeln!(text, "… and {left} more to {what}");
        }
    }
    let _ = writeln!(
        text,
        "{}, {}, {}",
        output::count(plan.merges_count, "merge"),
        output::count(plan.splits_count, "split"),
        output::count(plan.moves_count, "move"),
    );
    if let Some(offset) = plan.offset {
        let _ = writeln!(text, "the rules hold at offset {offset}");
    }
    text
}

fn csv(plan: &Plan) -> anyhow::Result<String> {
    let rows = kinds(plan).into_iter().flat_map(|(what, _, listed)| {
        listed.iter().map(move |planned| {
            [
                what.to_owned(),
                planned.before.join(" "),
                planned.after.join(" "),
                planned.reason.clone(),
            ]
        })
    });
    output::csv(["change", "before", "after", "reason"], rows)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plan_shows_what_becomes_of_names() {
        let plan: Plan = serde_json::from_value(json!({
            "offset": null, "mergesCount": 2, "splitsCount": 0, "movesCount": 0,
            "merges": [{"before": ["pg://a/x", "pg://b/x"], "after": ["pg://a/x"], "reason": "host: b is a"}],
            "splits": [], "moves": []
        }))
        .expect("a plan");
        assert_snapshot!(render(&plan), @r"
        merge
          - pg://a/x
          - pg://b/x
          + pg://a/x
          by host: b is a
        … and 1 more to merge
        2 merges, 0 splits, 0 moves
        ");
        assert_snapshot!(csv(&plan).expect("text"), @r"
        change,before,after,reason
        merge,pg://a/x pg://b/x,pg://a/x,host: b is a
        ");
    }
}
