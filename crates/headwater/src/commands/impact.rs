//! `headwater impact`: everything that depends on something.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::{AskArgs, CompleteArgs};
use crate::client::Client;
use crate::completeness::Completeness;
use crate::output::{self, Format, count, table};
use crate::queries::{ASSET_FIELDS, AssetLine, SnapshotInfo};

/// How many assets one request asks for.
const PAGE_ASSETS: u32 = 500;

/// Show everything downstream (or upstream) of datasets or jobs, for deciding
#[derive(Debug, Args)]
#[command(after_help = "\
A REF is <namespace>/<name>, job:<namespace>/<name>, an id, or an ending that only one asset has.

Examples:
  headwater impact orders.public.orders
  headwater impact raw.orders raw.customers --depth 2
  headwater impact job:airflow/load --direction upstream --format json
  headwater impact orders --require-complete || echo 'not the whole truth'")]
pub(crate) struct ImpactArgs {
    /// What changes
    #[arg(required = true, value_name = "REF")]
    references: Vec<String>,

    /// Which way to look
    #[arg(long, value_enum, default_value_t = Side::Downstream)]
    direction: Side,

    /// How many hops far; all the way where it is not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    depth: Option<u32>,

    /// How many assets to list, nearest first
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    first: u32,

    #[command(flatten)]
    ask: AskArgs,

    #[command(flatten)]
    complete: CompleteArgs,
}

/// One way along the flow of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Side {
    /// What depends on it
    Downstream,
    /// What it depends on
    Upstream,
}

impl Side {
    fn word(self) -> &'static str {
        match self {
            Self::Downstream => "downstream",
            Self::Upstream => "upstream",
        }
    }
}

/// One page, as the service answers it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    total_count: u64,
    by_domain: Vec<Group>,
    assets: Assets,
    completeness: Completeness,
    snapshot: SnapshotInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assets {
    nodes: Vec<Impacted>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    key: Option<String>,
    count: u64,
    nearest_hops: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impacted {
    asset: AssetLine,
    hops: u32,
    crosses_domain: bool,
}

/// The whole answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Impact {
    total_count: u64,
    by_domain: Vec<Group>,
    assets: Vec<Impacted>,
    completeness: Completeness,
    snapshot: SnapshotInfo,
    #[serde(skip)]
    gaps: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(args: &ImpactArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.ask.server.url)?;
    let impact = gather(args.first, |first, after| {
        let variables = json!({
            "of": args.references,
            "direction": args.direction.word().to_uppercase(),
            "depth": args.depth,
            "first": first,
            "after": after,
        });
        Ok(client.ask("impact", &query(), &variables)?)
    })?;
    match args.ask.format {
        Format::Json => output::print_json(&impact)?,
        Format::Table => output::print(&render(&impact, args.direction))?,
    }
    impact
        .completeness
        .tell(impact.gaps, args.complete.require_complete)
}

fn query() -> String {
    let completeness = Completeness::SELECTION;
    format!(
        "query($of: [Reference!]!, $direction: Direction!, $depth: Int, $first: Int, $after: String) {{ \
           impact(of: $of, direction: $direction, depth: $depth) {{ \
             totalCount byDomain {{ key count nearestHops }} \
             assets(first: $first, after: $after) {{ \
               nodes {{ asset {{ {ASSET_FIELDS} }} hops crossesDomain }} \
               pageInfo {{ hasNextPage endCursor }} }} \
             {completeness} snapshot {{ offset }} }} }}"
    )
}

/// Asks for page after page until all is there, or `assets_max`.
fn gather(
    assets_max: u32,
    mut ask: impl FnMut(u32, Option<String>) -> anyhow::Result<Page>,
) -> anyhow::Result<Impact> {
    let mut page = ask(assets_max.min(PAGE_ASSETS), None)?;
    let first_offset = page.snapshot.offset;
    let mut assets = std::mem::take(&mut page.assets.nodes);
    while page.assets.page_info.has_next_page && assets.len() < assets_max as usize {
        let left = assets_max - assets.len() as u32;
        let after = page.assets.page_info.end_cursor.take();
        anyhow::ensure!(
            after.is_some(),
            "the service says there is more, but not where"
        );
        page = ask(left.min(PAGE_ASSETS), after)?;
        anyhow::ensure!(
            !page.assets.nodes.is_empty(),
            "the service answered a page of nothing"
        );
        assets.append(&mut page.assets.nodes);
    }
    let mut gaps = Vec::new();
    if page.assets.page_info.has_next_page {
        gaps.push(format!(
            "the list has {} of {}; --first lists more",
            assets.len(),
            count(page.total_count, "asset")
        ));
    }
    let offset = page.snapshot.offset;
    if offset != first_offset {
        gaps.push(format!(
            "the graph moved from offset {first_offset} to {offset} while the list was read"
        ));
    }
    Ok(Impact {
        total_count: page.total_count,
        by_domain: page.by_domain,
        assets,
        completeness: page.completeness,
        snapshot: page.snapshot,
        gaps,
    })
}

fn render(impact: &Impact, direction: Side) -> String {
    let mut text = format!(
        "{} {} (offset {})\n",
        count(impact.total_count, "asset"),
        direction.word(),
        impact.snapshot.offset
    );
    if impact.assets.is_empty() {
        return text;
    }
    text.push('\n');
    text += &table(
        ["domain", "assets", "nearest hop"],
        impact.by_domain.iter().map(|group| {
            let key = group.key.clone().unwrap_or_else(|| "-".to_owned());
            [key, group.count.to_string(), group.nearest_hops.to_string()]
        }),
    );
    text.push('\n');
    text += &table(
        ["hops", "domain", "type", "reference"],
        impact.assets.iter().map(|impacted| {
            let asset = &impacted.asset;
            [
                impacted.hops.to_string(),
                asset.domain().to_owned(),
                asset.r#type.clone(),
                asset.reference.clone(),
            ]
        }),
    );
    let crossing = impact
        .assets
        .iter()
        .filter(|asset| asset.crosses_domain)
        .count();
    let listed = impact.assets.len();
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "\ncrosses: {crossing} of {listed} listed are in another domain than their root"
    );
    text
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::Value;

    use super::*;
    use crate::testing::{asset, complete};

    fn page(assets: &[Value], total: u64, next: Option<&str>, offset: u64) -> Page {
        serde_json::from_value(json!({
            "totalCount": total,
            "byDomain": [{"key": "finance", "count": 2, "nearestHops": 1}, {"key": null, "count": 1, "nearestHops": 3}],
            "assets": {"nodes": assets, "pageInfo": {"hasNextPage": next.is_some(), "endCursor": next}},
            "completeness": complete(),
            "snapshot": {"offset": offset}
        }))
        .expect("a page")
    }

    fn impacted(id: &str, domain: Option<&str>, hops: u32) -> Value {
        json!({
            "asset": asset("Dataset", id, domain, "TABLE"),
            "hops": hops,
            "crossesDomain": domain == Some("finance")
        })
    }

    #[test]
    fn pages_are_asked_for_until_all_is_there() {
        let mut asked = Vec::new();
        let impact = gather(10_000, |first, after| {
            asked.push((first, after.clone()));
            Ok(match after.as_deref() {
                None => page(&[impacted("a", Some("finance"), 1)], 3, Some("c1"), 7),
                Some("c1") => page(&[impacted("b", Some("finance"), 2)], 3, Some("c2"), 7),
                _ => page(&[impacted("c", None, 3)], 3, None, 7),
            })
        })
        .expect("an answer");
        assert_eq!(
            asked,
            [
                (500, None),
                (500, Some("c1".to_owned())),
                (500, Some("c2".to_owned()))
            ]
        );
        assert!(impact.gaps.is_empty());
        assert_snapshot!(render(&impact, Side::Downstream), @r"
        3 assets downstream (offset 7)

        domain   assets  nearest hop
        finance  2       1
        -        1       3

        hops  domain   type   reference
        1     finance  TABLE  pg://db/a
        2     finance  TABLE  pg://db/b
        3     -        TABLE  pg://db/c

        crosses: 2 of 3 listed are in another domain than their root
        ");
    }

    #[test]
    fn a_list_that_was_cut_or_moved_says_so() {
        let impact = gather(2, |first, after| {
            let offset = if after.is_none() { 7 } else { 8 };
            assert!(first <= 2);
            Ok(page(&[impacted("a", None, 1)], 3, Some("next"), offset))
        })
        .expect("an answer");
        assert_snapshot!(impact.gaps.join("\n"), @r"
        the list has 2 of 3 assets; --first lists more
        the graph moved from offset 7 to 8 while the list was read
        ");
        assert!(impact.completeness.tell(impact.gaps, true).is_err());
    }

    #[test]
    fn a_service_that_pages_in_circles_is_left() {
        assert!(gather(10, |_, _| Ok(page(&[], 3, Some("next"), 7))).is_err());
    }

    #[test]
    fn nothing_downstream_is_one_line() {
        let impact = gather(10, |_, _| Ok(page(&[], 0, None, 7))).expect("an answer");
        assert_snapshot!(render(&impact, Side::Upstream), @"0 assets upstream (offset 7)");
    }
}
