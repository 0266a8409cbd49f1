//! Lineage: nodes and edges around the roots; and what any answer leaves out.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use headwater_engine as engine;
use headwater_engine::{Cut, EdgeView, LineageAnswer, WalkNode};

use crate::asset::{Assertion, Asset, AssetPlan, LineageEntity};
use crate::error::ask_error;
use crate::job::Job;
use crate::json;
use crate::page::times;
use crate::quick::{Fields, Items, Quick, Selected, object};
use crate::scalars::{DateTime, Offset, Reference, int};
use crate::scope::{Scope, scope};
use crate::source::{Source, sources};

/// The state of the graph that an answer was read from; the whole answer uses this one.
#[derive(SimpleObject)]
pub(crate) struct Snapshot {
    offset: Offset,
    committed_at: DateTime,
}

impl Snapshot {
    pub(crate) fn of(scope: &Scope) -> Self {
        Self {
            offset: Offset(scope.view.offset()),
            committed_at: DateTime(scope.view.committed_at()),
        }
    }
}

/// Why a walk stopped early.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum CutReason {
    /// There is more beyond the depth.
    Depth,
    /// There is more than may be returned.
    Limit,
    /// It took longer than it may.
    Timeout,
}

impl From<Cut> for CutReason {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Depth => Self::Depth,
            Cut::Limit => Self::Limit,
            Cut::Timeout => Self::Timeout,
        }
    }
}

/// What an answer leaves out.
pub(crate) struct Completeness(pub(crate) engine::Completeness);

/// What an answer does and does not say. An answer is never silently partial: walkComplete is true only if
/// nothing was cut or hidden; exhaustive only if, besides, nothing reached is unresolved, stale or without fields.
#[Object]
impl Completeness {
    async fn walk_complete(&self) -> bool {
        self.0.is_walk_complete()
    }

    async fn exhaustive(&self) -> bool {
        self.0.is_exhaustive()
    }

    /// Why the walk stopped early; empty if it did not.
    async fn cut_by(&self) -> Vec<CutReason> {
        self.0.cut_by.iter().copied().map(CutReason::from).collect()
    }

    /// Assets at which it stopped, so that a client can go on from there.
    async fn frontier(&self, ctx: &Context<'_>) -> Result<Vec<Reference>> {
        let scope = scope(ctx);
        let frontier = self.0.frontier.iter();
        frontier.map(|index| scope.reference(*index)).collect()
    }

    /// Datasets reached that no source declares.
    async fn unresolved_count(&self) -> i32 {
        int(self.0.unresolved_count)
    }

    /// Datasets at which a field walk had to go on at dataset level, for want of field lineage: none, since walks are
    /// at dataset level.
    async fn without_fields_count(&self) -> i32 {
        0
    }

    /// Assets reached that this caller may not see.
    async fn hidden_count(&self) -> i32 {
        int(self.0.hidden_count)
    }

    /// Sources reached whose last submission is older than they promised, or failed.
    #[graphql(complexity = "times(5, child_complexity)")]
    async fn stale_sources(&self, ctx: &Context<'_>) -> Result<Vec<Source>> {
        sources(scope(ctx), &self.0.stale_sources)
    }
}

/// Nodes and edges around the roots.
pub(crate) struct Lineage {
    nodes: Vec<LineageNode>,
    edges: Vec<LineageEdge>,
    completeness: engine::Completeness,
}

impl From<LineageAnswer> for Lineage {
    fn from(answer: LineageAnswer) -> Self {
        Self {
            nodes: answer.nodes.into_iter().map(LineageNode).collect(),
            edges: answer.edges.into_iter().map(LineageEdge).collect(),
            completeness: answer.completeness,
        }
    }
}

/// Nodes and edges around the roots.
#[Object]
impl Lineage {
    async fn nodes(&self) -> Items<'_, LineageNode> {
        Items(&self.nodes)
    }

    async fn edges(&self) -> Items<'_, LineageEdge> {
        Items(&self.edges)
    }

    async fn completeness(&self) -> Completeness {
        Completeness(self.completeness.clone())
    }

    async fn snapshot(&self, ctx: &Context<'_>) -> Snapshot {
        Snapshot::of(scope(ctx))
    }
}

/// A node of a lineage.
pub(crate) struct LineageNode(WalkNode);

/// hops: datasets entered on the shortest way from a root; jobs add none.
#[Object]
impl LineageNode {
    async fn entity(&self, ctx: &Context<'_>) -> Result<LineageEntity> {
        Asset::new(scope(ctx), self.0.index).map(LineageEntity::from)
    }

    async fn hops(&self) -> i32 {
        int(self.0.hops)
    }
}

/// What is selected of a node.
pub(crate) enum NodeField {
    TypeName,
    Entity(AssetPlan),
    Hops,
}

impl Quick for LineageNode {
    type Plan = Fields<NodeField>;

    fn plan(selected: &Selected<'_>) -> Option<Self::Plan> {
        selected.fields("LineageNode", &[], |name, selected| match name {
            "__typename" => Some(NodeField::TypeName),
            "entity" => AssetPlan::new(selected).map(NodeField::Entity),
            "hops" => Some(NodeField::Hops),
            _ => None,
        })
    }

    fn write(&self, scope: &Scope, plan: &Self::Plan, out: &mut Vec<u8>) -> Result<()> {
        object(out, plan, |out, field| {
            match field {
                NodeField::TypeName => json::text(out, "LineageNode"),
                NodeField::Entity(plan) => plan.write(scope, self.0.index, out)?,
                NodeField::Hops => json::number(out, int(self.0.hops)),
            }
            Ok(())
        })
    }
}

/// dataset to job, job to dataset, dataset to dataset, job to job.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum EdgeKind {
    /// Dataset to job.
    Reads,
    /// Job to dataset.
    Writes,
    /// Dataset to dataset.
    Derives,
    /// Job to job.
    Follows,
}

impl From<headwater_model::EdgeKind> for EdgeKind {
    fn from(kind: headwater_model::EdgeKind) -> Self {
        match kind {
            headwater_model::EdgeKind::Reads => Self::Reads,
            headwater_model::EdgeKind::Writes => Self::Writes,
            headwater_model::EdgeKind::Derives => Self::Derives,
            headwater_model::EdgeKind::Follows => Self::Follows,
        }
    }
}

/// An edge of a lineage.
pub(crate) struct LineageEdge(pub(crate) EdgeView);

/// Data flows from one asset to another.
#[Object]
impl LineageEdge {
    async fn from(&self, ctx: &Context<'_>) -> Result<ID> {
        scope(ctx).id(self.0.from).map(ID)
    }

    async fn to(&self, ctx: &Context<'_>) -> Result<ID> {
        scope(ctx).id(self.0.to).map(ID)
    }

    async fn kind(&self) -> EdgeKind {
        self.0.kind.into()
    }

    /// The job that makes a DERIVES edge, if known.
    async fn via(&self) -> Option<Job> {
        self.0.via.map(Job::new)
    }

    async fn last_seen(&self, ctx: &Context<'_>) -> Result<DateTime> {
        let view = &scope(ctx).view;
        let assertions = view.edge_assertions(&self.0).map_err(ask_error)?;
        let last = assertions.iter().map(|assertion| assertion.last_seen).max();
        Ok(DateTime(last.unwrap_or_else(|| view.committed_at())))
    }

    #[graphql(complexity = "times(3, child_complexity)")]
    async fn asserted_by(&self, ctx: &Context<'_>) -> Result<Vec<Assertion>> {
        let assertions = scope(ctx)
            .view
            .edge_assertions(&self.0)
            .map_err(ask_error)?;
        Ok(assertions.into_iter().map(Assertion).collect())
    }
}

/// What is selected of an edge.
pub(crate) enum EdgeField {
    TypeName,
    From,
    To,
    Kind,
    Via(AssetPlan),
}

impl Quick for LineageEdge {
    type Plan = Fields<EdgeField>;

    fn plan(selected: &Selected<'_>) -> Option<Self::Plan> {
        selected.fields("LineageEdge", &[], |name, selected| match name {
            "__typename" => Some(EdgeField::TypeName),
            "from" => Some(EdgeField::From),
            "to" => Some(EdgeField::To),
            "kind" => Some(EdgeField::Kind),
            "via" => AssetPlan::new(selected).map(EdgeField::Via),
            _ => None,
        })
    }

    fn write(&self, scope: &Scope, plan: &Self::Plan, out: &mut Vec<u8>) -> Result<()> {
        object(out, plan, |out, field| {
            match field {
                EdgeField::TypeName => json::text(out, "LineageEdge"),
                EdgeField::From => json::text(out, &scope.id(self.0.from)?),
                EdgeField::To => json::text(out, &scope.id(self.0.to)?),
                EdgeField::Kind => json::text(out, self.0.kind.as_str()),
                EdgeField::Via(plan) => match self.0.via {
                    Some(via) => plan.write(scope, via, out)?,
                    None => json::null(out),
                },
            }
            Ok(())
        })
    }
}
