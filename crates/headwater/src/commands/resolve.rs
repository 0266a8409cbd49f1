//! `headwater resolve`: which asset a reference names, and why.

use std::fmt::Write as _;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::AskArgs;
use crate::client::Client;
use crate::failure::{Exit, Failure};
use crate::output::{self, ListFormat, table};
use crate::queries::{ASSET_FIELDS, AssetLine};

/// Show which asset a reference names, and the rules that led there
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater resolve orders
  headwater resolve 'snowflake://acme-eu/PROD.ORDERS.ORDERS' --format json")]
pub(crate) struct ResolveArgs {
    /// What to resolve
    #[arg(value_name = "REF")]
    reference: String,

    #[command(flatten)]
    ask: AskArgs<ListFormat>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Resolution {
    reference: String,
    asset: Option<AssetLine>,
    steps: Vec<String>,
    candidates: Vec<AssetLine>,
}

/// Runs the command.
pub(crate) fn run(args: &ResolveArgs) -> anyhow::Result<()> {
    let client = Client::new(args.ask.server.url())?;
    let query = format!(
        "query($reference: Reference!) {{ resolve(reference: $reference) {{ reference \
           asset {{ {ASSET_FIELDS} }} steps candidates {{ {ASSET_FIELDS} }} }} }}"
    );
    let resolution: Resolution =
        client.ask("resolve", &query, &json!({ "reference": args.reference }))?;
    match args.ask.format {
        ListFormat::Json => output::print_json(&resolution)?,
        ListFormat::Table => output::print(&render(&resolution))?,
        ListFormat::Csv => output::print(&csv(&resolution)?)?,
    }
    match (&resolution.asset, resolution.candidates.len()) {
        (Some(_), _) => Ok(()),
        (None, 0) => Err(not_found(&args.reference, "names nothing")),
        (None, _) => Err(not_found(&args.reference, "is ambiguous")),
    }
}

fn not_found(reference: &str, what: &str) -> anyhow::Error {
    Failure::new(Exit::NotFound, format!("{reference} {what}")).into()
}

impl Resolution {
    /// The asset, else the candidates.
    fn found(&self) -> &[AssetLine] {
        if self.asset.is_some() {
            self.asset.as_slice()
        } else {
            &self.candidates
        }
    }
}

fn csv(resolution: &Resolution) -> anyhow::Result<String> {
    output::csv(
        ["kind", "domain", "type", "reference", "id"],
        resolution.found().iter().map(|asset| {
            [
                asset.kind.to_lowercase(),
                asset.domain_or_empty(),
                asset.r#type.clone(),
                asset.reference.clone(),
                asset.id.clone(),
            ]
        }),
    )
}

fn render(resolution: &Resolution) -> String {
    let mut text = String::new();
    for (index, step) in resolution.steps.iter().enumerate() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}. {}", index + 1, output::printable(step));
    }
    let found = resolution.found();
    if found.is_empty() {
        return text;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text += &table(
        ["kind", "domain", "type", "reference", "id"],
        found.iter().map(|asset| {
            [
                asset.kind.to_lowercase(),
                asset.domain().to_owned(),
                asset.r#type.clone(),
                asset.reference.clone(),
                asset.id.clone(),
            ]
        }),
    );
    text
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::testing::asset;

    #[test]
    fn the_rules_come_before_the_asset() {
        let resolution: Resolution = serde_json::from_value(json!({
            "reference": "ORDERS", "asset": asset("Dataset", "orders", None, "TABLE"),
            "steps": ["only one asset ends with it"], "candidates": []
        }))
        .expect("an answer");
        assert_snapshot!(render(&resolution), @r"
        1. only one asset ends with it

        kind     domain  type   reference       id
        dataset  -       TABLE  pg://db/orders  id_orders
        ");
    }

    #[test]
    fn what_is_ambiguous_lists_the_candidates() {
        let resolution: Resolution = serde_json::from_value(json!({
            "reference": "orders", "asset": null, "steps": [],
            "candidates": [asset("Dataset", "a.orders", None, "TABLE"), asset("Job", "b.orders", None, "MODEL")]
        }))
        .expect("an answer");
        assert_snapshot!(render(&resolution), @r"
        kind     domain  type   reference         id
        dataset  -       TABLE  pg://db/a.orders  id_a.orders
        job      -       MODEL  pg://db/b.orders  id_b.orders
        ");
        assert_snapshot!(csv(&resolution).expect("text"), @r"
        kind,domain,type,reference,id
        dataset,,TABLE,pg://db/a.orders,id_a.orders
        job,,MODEL,pg://db/b.orders,id_b.orders
        ");
    }
}
