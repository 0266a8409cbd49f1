//! Impact: everything that depends on the roots.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};
use headwater_engine::{GroupView, ImpactAnswer, ReachedAsset, TransformationView, WalkEdge};
use headwater_model::AssetIndex;

use crate::asset::{Asset, AssetPlan};
use crate::cursor::{self, Cursor};
use crate::field::{Field, FieldField, Transformation, field_plan, transformations, write_field};
use crate::json;
use crate::lineage::{Completeness, Snapshot};
use crate::page::{self, Connection, Edge, cost, times};
use crate::quick::{Fields, Quick, Selected, object};
use crate::scalars::int;
use crate::scope::{Scope, scope};

/// Assets that a path is taken to have, to estimate an answer's size.
const PATH_EXPECTED: usize = 8;

/// Fields that an impacted asset is taken to have, for the same.
const FIELDS_EXPECTED: usize = 4;

/// What the cursors of `Impact.assets` are of.
const ASSETS: &str = "impact.assets";

/// Everything that depends on the roots.
pub(crate) struct Impact(pub(crate) Arc<ImpactAnswer>);

/// The closure downstream (or upstream) of the roots, roots excluded.
#[Object]
impl Impact {
    async fn total_count(&self) -> i32 {
        int(self.0.reached().len())
    }

    async fn by_domain(&self, ctx: &Context<'_>) -> Vec<ImpactGroup> {
        groups(self.0.by_domain(&scope(ctx).view))
    }

    async fn by_owner(&self, ctx: &Context<'_>) -> Vec<ImpactGroup> {
        groups(self.0.by_owner(&scope(ctx).view))
    }

    async fn by_type(&self, ctx: &Context<'_>) -> Vec<ImpactGroup> {
        groups(self.0.by_type(&scope(ctx).view))
    }

    async fn by_hops(&self) -> Vec<ImpactGroup> {
        groups(self.0.by_hops())
    }

    #[graphql(complexity = "cost(first, 50, child_complexity)")]
    async fn assets(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(50)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<ImpactedAsset>> {
        let count = page::count(first, 50, scope(ctx).limits.impact_page_max)?;
        let after: Option<(u32, u32)> = after
            .map(|after| cursor::read(ASSETS, &after))
            .transpose()?;
        let start = after.map_or(0, |(hops, index)| {
            self.0.position_after(hops, AssetIndex::new(index))
        });
        let reached = self.0.reached();
        let range = page::range(start, count, reached.len());
        Ok(Connection::of(reached, range, |reached| Edge {
            node: ImpactedAsset {
                answer: Arc::clone(&self.0),
                reached: *reached,
            },
            cursor: Cursor::Hops(ASSETS, reached.hops, reached.index.get()),
        }))
    }

    async fn completeness(&self) -> Completeness {
        Completeness(self.0.completeness.clone())
    }

    async fn snapshot(&self, ctx: &Context<'_>) -> Snapshot {
        Snapshot::of(scope(ctx))
    }
}

/// key is null for what has none (no owner, no domain).
#[derive(SimpleObject)]
pub(crate) struct ImpactGroup {
    key: Option<String>,
    count: i32,
    nearest_hops: i32,
}

fn groups(groups: Vec<GroupView>) -> Vec<ImpactGroup> {
    let groups = groups.into_iter().map(|group| ImpactGroup {
        key: group.key.as_deref().map(str::to_owned),
        count: int(group.count),
        nearest_hops: int(group.nearest_hops),
    });
    groups.collect()
}

/// An asset that depends on the roots.
pub(crate) struct ImpactedAsset {
    answer: Arc<ImpactAnswer>,
    reached: ReachedAsset,
}

/// An asset that depends on the roots.
#[Object]
impl ImpactedAsset {
    async fn asset(&self, ctx: &Context<'_>) -> Result<Asset> {
        Asset::new(scope(ctx), self.reached.index)
    }

    /// Fields of it that are affected, if fields are walked; none if it is affected as a whole.
    #[graphql(complexity = "times(FIELDS_EXPECTED, child_complexity)")]
    async fn fields(&self, ctx: &Context<'_>) -> Vec<Field> {
        let fields = self.answer.fields(&scope(ctx).view, &self.reached);
        let named = |name: &std::sync::Arc<str>| Field::named(self.reached.index, name);
        fields.iter().map(named).collect()
    }

    /// How the last step takes the value in: directly, or by a join, a filter, a grouping.
    async fn effects(&self, ctx: &Context<'_>) -> Result<Vec<Transformation>> {
        let scope = scope(ctx);
        let edges = self.answer.last_steps(&scope.view, &self.reached);
        let edges: Vec<WalkEdge> = edges.into_iter().map(WalkEdge::Fields).collect();
        let read = |waiting: &[WalkEdge]| scope.view.edge_statements(waiting);
        let statements = scope
            .loads
            .edges
            .get_all(&scope.stall, &edges, read)
            .await?;
        let said = statements.iter().flat_map(|edge| &edge.transformations);
        let effects: BTreeSet<TransformationView> = said.cloned().collect();
        Ok(transformations(&effects.into_iter().collect::<Vec<_>>()))
    }

    async fn hops(&self) -> i32 {
        int(self.reached.hops)
    }

    /// One shortest way from a root to it, both ends included, jobs too.
    #[graphql(complexity = "times(PATH_EXPECTED, child_complexity)")]
    async fn path(&self, ctx: &Context<'_>) -> Result<Vec<Asset>> {
        let path = self.answer.path(&self.reached);
        path.into_iter()
            .map(|index| Asset::new(scope(ctx), index))
            .collect()
    }

    /// True if the asset and the root of its path have domains and these differ.
    async fn crosses_domain(&self, ctx: &Context<'_>) -> bool {
        self.answer.crosses_domain(&scope(ctx).view, &self.reached)
    }
}

/// What is selected of an impacted asset.
pub(crate) enum ImpactedField {
    TypeName,
    Asset(AssetPlan),
    Hops,
    Path(AssetPlan),
    Fields(Fields<FieldField>),
    CrossesDomain,
}

impl Quick for ImpactedAsset {
    type Plan = Fields<ImpactedField>;

    fn plan(selected: &Selected<'_>) -> Option<Self::Plan> {
        selected.fields("ImpactedAsset", &[], |name, selected| match name {
            "__typename" => Some(ImpactedField::TypeName),
            "asset" => AssetPlan::new(selected).map(ImpactedField::Asset),
            "hops" => Some(ImpactedField::Hops),
            "path" => AssetPlan::new(selected).map(ImpactedField::Path),
            "fields" => field_plan(selected).map(ImpactedField::Fields),
            "crossesDomain" => Some(ImpactedField::CrossesDomain),
            _ => None,
        })
    }

    fn write(&self, scope: &Scope, plan: &Self::Plan, out: &mut Vec<u8>) -> Result<()> {
        object(out, plan, |out, field| {
            match field {
                ImpactedField::TypeName => json::text(out, "ImpactedAsset"),
                ImpactedField::Asset(plan) => plan.write(scope, self.reached.index, out)?,
                ImpactedField::Hops => json::number(out, int(self.reached.hops)),
                ImpactedField::Path(plan) => {
                    let path = self.answer.path(&self.reached);
                    json::sequence(out, *b"[]", path, |out, index| {
                        plan.write(scope, index, out)
                    })?;
                }
                ImpactedField::Fields(plan) => {
                    let fields = self.answer.fields(&scope.view, &self.reached);
                    json::sequence(out, *b"[]", fields, |out, name| {
                        write_field(scope, (self.reached.index, &name), plan, out)
                    })?;
                }
                ImpactedField::CrossesDomain => {
                    let crosses = self.answer.crosses_domain(&scope.view, &self.reached);
                    json::boolean(out, crosses);
                }
            }
            Ok(())
        })
    }
}
