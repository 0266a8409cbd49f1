//! `headwater diff`: what differs between two moments.

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cli::AskArgs;
use crate::client::Client;
use crate::moment::{Moment, moment};
use crate::output::{self, ListFormat, count, table};
use crate::queries::{ASSET_FIELDS, AssetLine, SnapshotInfo};

/// Assets or edges that one request asks for.
const PAGE: u32 = 1000;

/// Show what came and what went between two moments
///
/// A moment is an RFC 3339 time, a date, now, -1d, -2h, or @offset. A time compares what held; an offset compares what
/// was known when it was the newest.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater diff --from -1d
  headwater diff --from 2026-01-01 --to 2026-02-01
  headwater diff --from @1200 --to @1300 --domain orders
  headwater diff --from -1w --format json | jq '.removedEdges[]'")]
pub(crate) struct DiffArgs {
    /// The earlier moment
    #[arg(long, value_name = "T", value_parser = moment, allow_hyphen_values = true)]
    from: Moment,

    /// The later moment
    #[arg(long, value_name = "T", value_parser = moment, allow_hyphen_values = true, default_value = "now")]
    to: Moment,

    /// Only what is, or touches, assets of these domains
    #[arg(long = "domain", value_name = "D")]
    domains: Vec<String>,

    /// Exit with 5 if anything differs
    #[arg(long)]
    exit_code: bool,

    #[command(flatten)]
    ask: AskArgs<ListFormat>,
}

/// What differs, with all pages put together.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Diff {
    added_assets: Vec<AssetLine>,
    removed_assets: Vec<AssetLine>,
    added_edges: Vec<Edge>,
    removed_edges: Vec<Edge>,
    from: Option<SnapshotInfo>,
    to: Option<SnapshotInfo>,
}

/// An edge by the references of its ends.
#[derive(Debug, Serialize, Deserialize)]
struct Edge {
    kind: String,
    #[serde(rename = "fromReference")]
    from: String,
    #[serde(rename = "toReference")]
    to: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    added_assets: Option<Page<AssetLine>>,
    removed_assets: Option<Page<AssetLine>>,
    added_edges: Option<Page<Edge>>,
    removed_edges: Option<Page<Edge>>,
    from: SnapshotInfo,
    to: SnapshotInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    nodes: Vec<T>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

/// The lists of a diff.
const LISTS: [&str; 4] = ["addedAssets", "removedAssets", "addedEdges", "removedEdges"];

/// Where the next page of a list begins.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Next {
    /// With the first of them.
    Beginning,
    /// After a cursor.
    After(String),
    /// Nowhere: the list is whole.
    Nowhere,
}

fn query(places: &[Next; 4]) -> (String, Value) {
    let mut lists = Vec::new();
    let mut declared = Vec::new();
    let mut variables = json!({});
    for (name, place) in LISTS.iter().zip(places) {
        let after = match place {
            Next::Nowhere => continue,
            Next::Beginning => None,
            Next::After(cursor) => Some(cursor),
        };
        let nodes = if name.ends_with("Assets") {
            ASSET_FIELDS
        } else {
            "kind fromReference toReference"
        };
        lists.push(format!(
            "{name}(first: {PAGE}, after: ${name}) {{ nodes {{ {nodes} }} pageInfo {{ hasNextPage endCursor }} }}"
        ));
        declared.push(format!(", ${name}: String"));
        variables[name] = json!(after);
    }
    let (lists, declared) = (lists.join(" "), declared.concat());
    let query = format!(
        "query($from: AsOf!, $to: AsOf!, $filter: AssetFilter{declared}) {{ \
           diff(from: $from, to: $to, filter: $filter) {{ {lists} from {{ offset }} to {{ offset }} }} }}"
    );
    (query, variables)
}

/// Takes a page over, and tells where the next one begins.
fn take<T>(all: &mut Vec<T>, page: Option<Page<T>>) -> Next {
    let Some(page) = page else {
        return Next::Nowhere;
    };
    all.extend(page.nodes);
    match page.page_info.end_cursor {
        Some(cursor) if page.page_info.has_next_page => Next::After(cursor),
        _ => Next::Nowhere,
    }
}

/// Runs the command.
pub(crate) fn run(args: &DiffArgs) -> anyhow::Result<()> {
    let client = Client::new(args.ask.server.url())?;
    let mut diff = Diff::default();
    let mut places = [const { Next::Beginning }; 4];
    let (mut from, mut to) = (args.from.variable(), args.to.variable());
    while places.iter().any(|next| *next != Next::Nowhere) {
        let (query, mut variables) = query(&places);
        variables["from"] = from;
        variables["to"] = to;
        if !args.domains.is_empty() {
            variables["filter"] = json!({ "domains": args.domains });
        }
        let answer: Answer = client.ask("diff", &query, &variables)?;
        places = [
            take(&mut diff.added_assets, answer.added_assets),
            take(&mut diff.removed_assets, answer.removed_assets),
            take(&mut diff.added_edges, answer.added_edges),
            take(&mut diff.removed_edges, answer.removed_edges),
        ];
        // Further pages are of the same two graphs, whatever is submitted meanwhile.
        from = args.from.variable_known_at(answer.from.offset);
        to = args.to.variable_known_at(answer.to.offset);
        (diff.from, diff.to) = (Some(answer.from), Some(answer.to));
    }
    match args.ask.format {
        ListFormat::Json => output::print_json(&diff)?,
        ListFormat::Table => output::print(&diff.render())?,
        ListFormat::Csv => output::print(&diff.csv()?)?,
    }
    if args.exit_code && !diff.is_empty() {
        let differ = diff.rows().len() as u64;
        return Err(crate::failure::Failure::new(
            crate::failure::Exit::CheckFailed,
            format!("{} between the two moments", count(differ, "difference")),
        )
        .into());
    }
    Ok(())
}

impl Diff {
    fn is_empty(&self) -> bool {
        self.rows().is_empty()
    }

    /// Each difference: came or went, what it is, and its references.
    fn rows(&self) -> Vec<[String; 4]> {
        let of_asset = |sign: &str, asset: &AssetLine| {
            let kind = asset.kind.to_lowercase();
            [
                sign.to_owned(),
                kind,
                asset.reference.clone(),
                String::new(),
            ]
        };
        let of_edge = |sign: &str, edge: &Edge| {
            let kind = edge.kind.to_lowercase();
            [sign.to_owned(), kind, edge.from.clone(), edge.to.clone()]
        };
        let mut rows = Vec::new();
        rows.extend(self.removed_assets.iter().map(|asset| of_asset("-", asset)));
        rows.extend(self.added_assets.iter().map(|asset| of_asset("+", asset)));
        rows.extend(self.removed_edges.iter().map(|edge| of_edge("-", edge)));
        rows.extend(self.added_edges.iter().map(|edge| of_edge("+", edge)));
        rows
    }

    fn render(&self) -> String {
        let offset = |snapshot: Option<SnapshotInfo>| {
            snapshot.map_or_else(|| "?".to_owned(), |snapshot| snapshot.offset.to_string())
        };
        let mut text = format!(
            "{} came and {} went, {} came and {} went (offset {} to {})\n",
            count(self.added_assets.len() as u64, "asset"),
            self.removed_assets.len(),
            count(self.added_edges.len() as u64, "edge"),
            self.removed_edges.len(),
            offset(self.from),
            offset(self.to)
        );
        let rows = self.rows();
        if !rows.is_empty() {
            text.push('\n');
            text += &table(["", "what", "reference", "to"], rows);
        }
        text
    }

    fn csv(&self) -> anyhow::Result<String> {
        output::csv(["sign", "what", "reference", "to"], self.rows())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn what_went_stands_before_what_came() {
        let asset = |reference: &str| AssetLine {
            label: None,
            kind: "Dataset".to_owned(),
            id: reference.to_owned(),
            reference: reference.to_owned(),
            r#type: "TABLE".to_owned(),
            domain: None,
        };
        let diff = Diff {
            added_assets: vec![asset("db/new")],
            removed_assets: vec![asset("db/old")],
            added_edges: vec![Edge {
                kind: "READS".to_owned(),
                from: "db/new".to_owned(),
                to: "job:etl/load".to_owned(),
            }],
            from: Some(SnapshotInfo { offset: 3 }),
            to: Some(SnapshotInfo { offset: 7 }),
            ..Diff::default()
        };
        assert_snapshot!(diff.render(), @r"
        1 asset came and 1 went, 1 edge came and 0 went (offset 3 to 7)

           what     reference  to
        -  dataset  db/old
        +  dataset  db/new
        +  reads    db/new     job:etl/load
        ");
        assert_snapshot!(Diff::default().render(), @"0 assets came and 0 went, 0 edges came and 0 went (offset ? to ?)");
    }

    #[test]
    fn lists_that_are_whole_are_not_asked_for_again() {
        let (query, variables) = query(&[
            Next::Nowhere,
            Next::After("c".to_owned()),
            Next::Nowhere,
            Next::Nowhere,
        ]);
        assert!(
            query.contains("removedAssets(") && !query.contains("addedAssets("),
            "{query}"
        );
        assert_eq!(variables, json!({"removedAssets": "c"}));
    }
}
