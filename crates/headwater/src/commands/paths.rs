//! `headwater paths`: the ways from one asset to another.

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::{AskArgs, CompleteArgs};
use crate::client::Client;
use crate::completeness::Completeness;
use crate::drawing::{Drawing, Shape};
use crate::moment::AsOfArgs;
use crate::output::{self, GraphFormat, count, table};
use crate::queries::{
    ASSET_FIELDS, AssetLine, ContractArgs, FieldLevelArgs, Named, SnapshotInfo, labelled,
};

/// Show the ways by which data gets from one dataset or job to another
///
/// Ways go downstream from the first to the second, fewest hops first, and visit no dataset twice.
#[derive(Debug, Args)]
#[command(after_help = "\
A REF is <namespace>/<name>, job:<namespace>/<name>, an id, or an ending that only one asset has; with #<field> it is
a field of it.

Examples:
  headwater paths raw.orders finance.revenue
  headwater paths raw.orders finance.revenue --contract '*.stg_*'
  headwater paths raw.orders finance.revenue --as-of @1200
  headwater paths raw.orders finance.revenue --first 3 --format mermaid
  headwater paths raw.orders#amount finance.revenue#total --field-level")]
pub(crate) struct PathsArgs {
    /// Where the ways begin
    #[arg(value_name = "FROM")]
    from: String,

    /// Where they end
    #[arg(value_name = "TO")]
    to: String,

    /// How many ways to list
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
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

#[derive(Debug, Serialize, Deserialize)]
struct Ways {
    paths: Vec<Path>,
    completeness: Completeness,
    snapshot: SnapshotInfo,
}

#[derive(Debug, Serialize, Deserialize)]
struct Path {
    assets: Vec<AssetLine>,
    #[serde(default)]
    fields: Vec<Field>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Field {
    id: String,
    reference: String,
    dataset: Dataset,
}

#[derive(Debug, Serialize, Deserialize)]
struct Dataset {
    id: String,
    domain: Option<Named>,
}

/// One place on a way.
struct Step<'a> {
    id: &'a str,
    shape: Shape,
    kind: &'a str,
    domain: Option<&'a str>,
    reference: &'a str,
    label: Option<&'a str>,
}

impl Step<'_> {
    fn shown(&self) -> String {
        labelled(self.reference, self.label)
    }
}

impl Path {
    /// The fields that it goes through; where none is known the assets, with the jobs next to them.
    fn steps(&self) -> Vec<Step<'_>> {
        let mut fields = self.fields.iter().peekable();
        let mut steps = Vec::new();
        let mut job: Option<Step<'_>> = None;
        let mut is_known = false;
        for asset in &self.assets {
            let of_asset = Step {
                id: &asset.id,
                shape: Shape::of_kind(&asset.kind),
                kind: &asset.kind,
                domain: asset.domain.as_ref().map(|domain| &*domain.name),
                reference: &asset.reference,
                label: asset.label.as_deref(),
            };
            if asset.kind == "Job" {
                steps.extend(job.replace(of_asset));
                continue;
            }
            let was_known = is_known;
            let before = steps.len();
            let mut of_dataset = Vec::new();
            while let Some(field) = fields.next_if(|field| field.dataset.id == asset.id) {
                of_dataset.push(Step {
                    id: &field.id,
                    shape: Shape::Field,
                    kind: "Field",
                    domain: field.dataset.domain.as_ref().map(|domain| &*domain.name),
                    reference: &field.reference,
                    label: None,
                });
            }
            is_known = !of_dataset.is_empty();
            // Between two fields the job goes without saying.
            let is_told = was_known && is_known && before > 0;
            steps.extend(job.take().filter(|_| !is_told));
            if is_known {
                steps.extend(of_dataset);
            } else {
                steps.push(of_asset);
            }
        }
        steps.extend(job);
        steps
    }
}

/// Runs the command.
pub(crate) fn run(args: &PathsArgs) -> anyhow::Result<()> {
    let client = Client::new(args.ask.server.url())?;
    let variables = json!({ "from": args.from, "to": args.to, "first": args.first });
    let paths: Ways = client.ask(
        "paths",
        &query(args.fields, &args.contract, args.as_of),
        &variables,
    )?;
    match args.ask.format {
        GraphFormat::Json => output::print_json(&paths)?,
        GraphFormat::Table => output::print(&paths.render())?,
        GraphFormat::Mermaid => output::print(&paths.draw().mermaid())?,
        GraphFormat::Dot => output::print(&paths.draw().dot())?,
        GraphFormat::Csv => output::print(&paths.csv()?)?,
    }
    paths
        .completeness
        .tell(Vec::new(), args.complete.require_complete)
}

fn query(fields: FieldLevelArgs, contract: &ContractArgs, as_of: AsOfArgs) -> String {
    let completeness = Completeness::SELECTION;
    let granularity = fields.argument();
    let as_of = as_of.argument();
    let contracted = contract.selection();
    let contract = contract.argument();
    let of_fields = if fields.field_level {
        " fields { id reference dataset { id domain { name } } }"
    } else {
        ""
    };
    format!(
        "query($from: Reference!, $to: Reference!, $first: Int!) {{ \
           paths(from: $from, to: $to, first: $first{granularity}{contract}{as_of}) {{ \
             paths {{ assets {{ {ASSET_FIELDS} }}{of_fields} }} \
             {completeness}{contracted} snapshot {{ offset }} }} }}"
    )
}

impl Ways {
    fn render(&self) -> String {
        let mut text = format!(
            "{} (offset {}{})\n",
            count(self.paths.len() as u64, "path"),
            self.snapshot.offset,
            self.completeness.contracted()
        );
        if self.paths.is_empty() {
            return text;
        }
        let rows = self.paths.iter().enumerate().flat_map(|(at, path)| {
            path.steps()
                .into_iter()
                .enumerate()
                .map(move |(step, found)| {
                    // A way is numbered once, so that one sees where it begins.
                    let number = if step == 0 {
                        (at + 1).to_string()
                    } else {
                        String::new()
                    };
                    [
                        number,
                        found.domain.unwrap_or("-").to_owned(),
                        found.kind.to_lowercase(),
                        found.shown(),
                    ]
                })
        });
        text.push('\n');
        text + &table(["path", "domain", "kind", "reference"], rows)
    }

    fn draw(&self) -> Drawing {
        let mut drawing = Drawing::default();
        for path in &self.paths {
            let steps = path.steps();
            for step in &steps {
                drawing.node(step.id, step.shape, &step.shown(), step.domain);
            }
            for (from, to) in steps.iter().zip(steps.iter().skip(1)) {
                drawing.edge(from.id, to.id, "");
            }
            for end in [steps.first(), steps.last()].into_iter().flatten() {
                drawing.mark_root(end.id);
            }
        }
        drawing
    }

    fn csv(&self) -> anyhow::Result<String> {
        let rows = self.paths.iter().enumerate().flat_map(|(at, path)| {
            path.steps()
                .into_iter()
                .enumerate()
                .map(move |(step, found)| {
                    [
                        (at + 1).to_string(),
                        (step + 1).to_string(),
                        found.domain.unwrap_or_default().to_owned(),
                        found.kind.to_lowercase(),
                        found.reference.to_owned(),
                    ]
                })
        });
        output::csv(["path", "step", "domain", "kind", "reference"], rows)
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::Value;

    use super::*;
    use crate::testing::{asset, complete};

    fn paths(paths: &Value) -> Ways {
        let answer = json!({"paths": paths, "completeness": complete(), "snapshot": {"offset": 7}});
        serde_json::from_value(answer).expect("an answer")
    }

    fn two() -> Ways {
        let asset = |id: &str| asset("Dataset", id, (id != "c").then_some("orders"), "TABLE");
        let job = crate::testing::asset("Job", "j", Some("orders"), "MODEL");
        paths(&json!([
            {"assets": [asset("a"), job, asset("c")]},
            {"assets": [asset("a"), asset("b"), asset("c")], "fields": []}
        ]))
    }

    #[test]
    fn each_way_is_numbered_where_it_begins() {
        assert_snapshot!(two().render(), @r"
        2 paths (offset 7)

        path  domain  kind     reference
        1     orders  dataset  pg://db/a
              orders  job      pg://db/j
              -       dataset  pg://db/c
        2     orders  dataset  pg://db/a
              orders  dataset  pg://db/b
              -       dataset  pg://db/c
        ");
        assert_snapshot!(paths(&json!([])).render(), @"0 paths (offset 7)");
    }

    #[test]
    fn ways_share_what_they_have_in_common_in_a_picture() {
        assert_snapshot!(two().draw().mermaid(), @r#"
        flowchart LR
          subgraph g0["orders"]
            n0[("pg://db/a")]:::root
            n1["pg://db/j"]
            n3[("pg://db/b")]
          end
          n2[("pg://db/c")]:::root
          n0 --> n1
          n1 --> n2
          n0 --> n3
          n3 --> n2
          classDef root stroke-width:3px
        "#);
        assert!(two().draw().dot().contains("n3 -> n2;"));
    }

    #[test]
    fn a_spreadsheet_gets_a_row_for_each_step() {
        assert_snapshot!(two().csv().expect("text"), @r"
        path,step,domain,kind,reference
        1,1,orders,dataset,pg://db/a
        1,2,orders,job,pg://db/j
        1,3,,dataset,pg://db/c
        2,1,orders,dataset,pg://db/a
        2,2,orders,dataset,pg://db/b
        2,3,,dataset,pg://db/c
        ");
    }

    #[test]
    fn ways_from_field_to_field_show_the_fields() {
        let table = |id: &str| asset("Dataset", id, Some("orders"), "TABLE");
        let job = |id: &str| asset("Job", id, Some("orders"), "MODEL");
        let field = |dataset: &str, name: &str| {
            json!({"id": format!("f_{name}"), "reference": format!("pg://db/{dataset}#{name}"),
                "dataset": {"id": table(dataset)["id"], "domain": {"name": "orders"}}})
        };
        let assets = [table("a"), job("j"), table("b"), job("k"), table("c")];
        let paths = paths(&json!([
            {"assets": assets, "fields": [field("a", "x"), field("b", "y")]}
        ]));
        assert_snapshot!(paths.render(), @r"
        1 path (offset 7)

        path  domain  kind     reference
        1     orders  field    pg://db/a#x
              orders  field    pg://db/b#y
              orders  job      pg://db/k
              orders  dataset  pg://db/c
        ");
        let query = |field_level| {
            super::query(
                FieldLevelArgs { field_level },
                &ContractArgs::default(),
                AsOfArgs::default(),
            )
        };
        assert!(query(true).contains("granularity: FIELD") && query(true).contains(" fields {"));
        assert!(!query(false).contains("granularity") && !query(false).contains(" fields {"));
    }
}
