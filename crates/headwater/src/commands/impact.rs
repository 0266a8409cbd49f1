//! `headwater impact`: everything that depends on something.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::{AskArgs, CompleteArgs};
use crate::client::Client;
use crate::completeness::Completeness;
use crate::drawing::Drawing;
use crate::moment::AsOfArgs;
use crate::output::{self, GraphFormat, count, table};
use crate::queries::{
    ASSET_FIELDS, AssetLine, ContractArgs, FIELD_FIELDS, FieldLevelArgs, FieldLine, SnapshotInfo,
    TRANSFORMATION_FIELDS, Transformation,
};

/// How many assets one request asks for.
const PAGE_ASSETS: u32 = 500;

/// Show everything downstream (or upstream) of datasets or jobs, for deciding
#[derive(Debug, Args)]
#[command(after_help = "\
A REF is <namespace>/<name>, job:<namespace>/<name>, an id, or an ending that only one asset has; with #<field> it is
a field of it.

Examples:
  headwater impact orders.public.orders
  headwater impact orders.public.orders --as-of -1d
  headwater impact raw.orders --contract '*.stg_*'   # staging datasets left out
  headwater impact raw.orders raw.customers --depth 2
  headwater impact raw.orders#status --field-level
  headwater impact raw.orders --format csv > impact.csv
  headwater impact raw.orders --format mermaid      # one shortest way to each
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
    fields: FieldLevelArgs,

    #[command(flatten)]
    contract: ContractArgs,

    #[command(flatten)]
    as_of: AsOfArgs,

    #[command(flatten)]
    ask: AskArgs<GraphFormat>,

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
    /// Of a walk from field to field: those that are affected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<FieldLine>>,
    /// Of a walk from field to field: how the last step takes the value in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    effects: Option<Vec<Transformation>>,
    /// One shortest way from a root to it; asked for where it is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<Vec<AssetLine>>,
}

impl Impacted {
    fn field_names(&self) -> String {
        let fields = self.fields.iter().flatten();
        let names: Vec<&str> = fields.map(|field| &*field.name).collect();
        names.join(", ")
    }

    /// For people: a dataset that is affected as a whole names no fields, and means all of them.
    fn fields_shown(&self) -> String {
        let is_whole =
            self.asset.kind == "Dataset" && self.fields.as_ref().is_some_and(Vec::is_empty);
        if is_whole {
            "(all)".to_owned()
        } else {
            self.field_names()
        }
    }

    fn effects_listed(&self) -> String {
        Transformation::listed(self.effects.as_deref().unwrap_or_default())
    }
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
    let client = Client::new(args.ask.server.url())?;
    let is_drawn = matches!(args.ask.format, GraphFormat::Mermaid | GraphFormat::Dot);
    let query = query(args.fields, &args.contract, args.as_of, is_drawn);
    let impact = gather(args.first, |first, after| {
        let variables = json!({
            "of": args.references,
            "direction": args.direction.word().to_uppercase(),
            "depth": args.depth,
            "first": first,
            "after": after,
        });
        Ok(client.ask("impact", &query, &variables)?)
    })?;
    match args.ask.format {
        GraphFormat::Json => output::print_json(&impact)?,
        GraphFormat::Table => output::print(&render(&impact, args.direction))?,
        GraphFormat::Mermaid => output::print(&draw(&impact, args.direction).mermaid())?,
        GraphFormat::Dot => output::print(&draw(&impact, args.direction).dot())?,
        GraphFormat::Csv => output::print(&csv(&impact)?)?,
    }
    impact
        .completeness
        .tell(impact.gaps, args.complete.require_complete)
}

fn query(
    fields: FieldLevelArgs,
    contract: &ContractArgs,
    as_of: AsOfArgs,
    is_drawn: bool,
) -> String {
    let completeness = Completeness::SELECTION;
    let granularity = fields.argument();
    let as_of = as_of.argument();
    let contracted = contract.selection();
    let contract = contract.argument();
    let mut more = String::new();
    if fields.field_level {
        // Writing to a string does not fail.
        let _ = write!(
            more,
            " fields {{ {FIELD_FIELDS} }} effects {{ {TRANSFORMATION_FIELDS} }}"
        );
    }
    if is_drawn {
        let _ = write!(more, " path {{ {ASSET_FIELDS} }}");
    }
    format!(
        "query($of: [Reference!]!, $direction: Direction!, $depth: Int, $first: Int, $after: String) {{ \
           impact(of: $of, direction: $direction, depth: $depth{granularity}{contract}{as_of}) {{ \
             totalCount byDomain {{ key count nearestHops }} \
             assets(first: $first, after: $after) {{ \
               nodes {{ asset {{ {ASSET_FIELDS} }} hops crossesDomain{more} }} \
               pageInfo {{ hasNextPage endCursor }} }} \
             {completeness}{contracted} snapshot {{ offset }} }} }}"
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
        "{} {} (offset {}{})\n",
        count(impact.total_count, "asset"),
        direction.word(),
        impact.snapshot.offset,
        impact.completeness.contracted()
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
    text += &render_assets(impact);
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

fn render_assets(impact: &Impact) -> String {
    let rows = impact.assets.iter().map(|impacted| {
        let asset = &impacted.asset;
        [
            impacted.hops.to_string(),
            asset.domain().to_owned(),
            asset.r#type.clone(),
            asset.shown(),
            impacted.fields_shown(),
            impacted.effects_listed(),
        ]
    });
    let is_of_fields = impact.assets.iter().any(|asset| asset.fields.is_some());
    if is_of_fields {
        table(
            ["hops", "domain", "type", "reference", "fields", "effects"],
            rows,
        )
    } else {
        table(
            ["hops", "domain", "type", "reference"],
            rows.map(|[hops, domain, kind, reference, ..]| [hops, domain, kind, reference]),
        )
    }
}

/// One shortest way to each asset, laid over one another.
fn draw(impact: &Impact, direction: Side) -> Drawing {
    let mut drawing = Drawing::default();
    for impacted in &impact.assets {
        let path = impacted.path.as_deref().unwrap_or_default();
        for asset in path.iter().chain([&impacted.asset]) {
            asset.draw(&mut drawing);
        }
        if let Some(root) = path.first() {
            drawing.mark_root(&root.id);
        }
        for (near, far) in path.iter().zip(path.iter().skip(1)) {
            // Arrows point the way data flows; a path upstream goes against it.
            match direction {
                Side::Downstream => drawing.edge(&near.id, &far.id, ""),
                Side::Upstream => drawing.edge(&far.id, &near.id, ""),
            }
        }
    }
    drawing
}

fn csv(impact: &Impact) -> anyhow::Result<String> {
    output::csv(
        [
            "hops",
            "domain",
            "kind",
            "type",
            "reference",
            "crosses_domain",
            "fields",
            "effects",
        ],
        impact.assets.iter().map(|impacted| {
            let asset = &impacted.asset;
            [
                impacted.hops.to_string(),
                asset.domain_or_empty(),
                asset.kind.to_lowercase(),
                asset.r#type.clone(),
                asset.reference.clone(),
                impacted.crosses_domain.to_string(),
                impacted.field_names(),
                impacted.effects_listed(),
            ]
        }),
    )
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

    fn one(more: &Value) -> Impact {
        let mut found = impacted("b", Some("finance"), 1);
        let object = found.as_object_mut().expect("an object");
        object.extend(more.as_object().expect("an object").clone());
        gather(10, |_, _| {
            Ok(page(std::slice::from_ref(&found), 1, None, 7))
        })
        .expect("an answer")
    }

    #[test]
    fn fields_and_effects_are_columns_of_a_walk_from_field_to_field() {
        let impact = one(&json!({
            "fields": [{"reference": "pg://db/b#x", "name": "x"}, {"reference": "pg://db/b#y, z", "name": "y, z"}],
            "effects": [{"type": "INDIRECT", "subtype": "JOIN", "masking": false}, {"type": "DIRECT", "subtype": "IDENTITY", "masking": true}]
        }));
        assert_snapshot!(render_assets(&impact), @r"
        hops  domain   type   reference  fields   effects
        1     finance  TABLE  pg://db/b  x, y, z  direct identity masking, indirect join
        ");
        assert_snapshot!(csv(&impact).expect("text"), @r#"
        hops,domain,kind,type,reference,crosses_domain,fields,effects
        1,finance,dataset,TABLE,pg://db/b,true,"x, y, z","direct identity masking, indirect join"
        "#);
        let query = |field_level| {
            super::query(
                FieldLevelArgs { field_level },
                &ContractArgs::default(),
                AsOfArgs::default(),
                false,
            )
        };
        assert!(query(true).contains("granularity: FIELD") && query(true).contains("effects {"));
        assert!(!query(false).contains("granularity") && !query(false).contains("effects"));
    }

    #[test]
    fn arrows_point_the_way_data_flows() {
        let path = [
            asset("Dataset", "a", Some("orders"), "TABLE"),
            asset("Job", "j", Some("orders"), "MODEL"),
            asset("Dataset", "b", Some("finance"), "TABLE"),
        ];
        let impact = one(&json!({ "path": path }));
        assert_snapshot!(draw(&impact, Side::Downstream).mermaid(), @r#"
        flowchart LR
          subgraph g0["finance"]
            n2[("pg://db/b")]
          end
          subgraph g1["orders"]
            n0[("pg://db/a")]:::root
            n1["pg://db/j"]
          end
          n0 --> n1
          n1 --> n2
          classDef root stroke-width:3px
        "#);
        let upstream = draw(&impact, Side::Upstream).dot();
        assert!(
            upstream.contains("n2 -> n1;") && upstream.contains("n1 -> n0;"),
            "{upstream}"
        );
    }
}
