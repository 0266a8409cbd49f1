//! Lineage: nodes and edges around the roots; and what any answer leaves out.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use headwater_engine as engine;
use headwater_engine::{
    Cut, EdgeStatement, EdgeView, LineageAnswer, WalkEdge, WalkEntity, WalkNode,
};
use headwater_model::AssetIndex;

use crate::asset::{Assertion, Asset, AssetPlan, LineageEntity};
use crate::field::{
    Field, FieldField, Transformation, field_id, field_plan, field_reference, transformations,
    write_field,
};
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

    /// Datasets reached that no source declares; and jobs that none names at the moment asked about.
    async fn unresolved_count(&self) -> i32 {
        int(self.0.unresolved_count)
    }

    /// Datasets at which a field walk had to go on at dataset level, for want of field lineage.
    async fn without_fields_count(&self) -> i32 {
        int(self.0.without_fields_count)
    }

    /// Assets reached that this caller may not see.
    async fn hidden_count(&self) -> i32 {
        int(self.0.hidden_count)
    }

    /// Datasets that `contract` left out and that the walk went through. They count as reached, but are not returned.
    async fn contracted_count(&self) -> i32 {
        int(self.0.contracted_count)
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
        match &self.0.entity {
            WalkEntity::Asset(index) => Asset::new(scope(ctx), *index).map(LineageEntity::from),
            WalkEntity::Field(dataset, name) => {
                Ok(LineageEntity::Field(Field::named(*dataset, name)))
            }
        }
    }

    async fn hops(&self) -> i32 {
        int(self.0.hops)
    }
}

/// What is selected of a node.
pub(crate) enum NodeField {
    TypeName,
    Entity(AssetPlan, Fields<FieldField>),
    Hops,
}

impl Quick for LineageNode {
    type Plan = Fields<NodeField>;

    fn plan(selected: &Selected<'_>) -> Option<Self::Plan> {
        selected.fields("LineageNode", &[], |name, selected| match name {
            "__typename" => Some(NodeField::TypeName),
            "entity" => {
                let (asset, field) = (AssetPlan::new(selected)?, field_plan(selected)?);
                Some(NodeField::Entity(asset, field))
            }
            "hops" => Some(NodeField::Hops),
            _ => None,
        })
    }

    fn write(&self, scope: &Scope, plan: &Self::Plan, out: &mut Vec<u8>) -> Result<()> {
        object(out, plan, |out, field| {
            match field {
                NodeField::TypeName => json::text(out, "LineageNode"),
                NodeField::Entity(asset, field) => match &self.0.entity {
                    WalkEntity::Asset(index) => asset.write(scope, *index, out)?,
                    WalkEntity::Field(dataset, name) => {
                        write_field(scope, (*dataset, name), field, out)?;
                    }
                },
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

fn end_reference(scope: &Scope, end: &WalkEntity) -> Result<Reference> {
    match end {
        WalkEntity::Asset(index) => scope.reference(*index),
        WalkEntity::Field(dataset, name) => {
            field_reference(scope, *dataset, name).map(Reference::from)
        }
    }
}

/// An edge of a lineage.
pub(crate) struct LineageEdge(pub(crate) WalkEdge);

impl From<EdgeView> for LineageEdge {
    fn from(edge: EdgeView) -> Self {
        Self(WalkEdge::Assets(edge))
    }
}

impl LineageEdge {
    fn ends(&self, scope: &Scope) -> Result<(String, String)> {
        let id = |entity: &WalkEntity| match entity {
            WalkEntity::Asset(index) => scope.id(*index),
            WalkEntity::Field(dataset, name) => field_id(scope, *dataset, name),
        };
        match &self.0 {
            WalkEdge::Assets(edge) => Ok((scope.id(edge.from)?, scope.id(edge.to)?)),
            WalkEdge::Fields(edge) => Ok((id(&edge.from)?, id(&edge.to)?)),
        }
    }

    fn kind(&self) -> headwater_model::EdgeKind {
        match &self.0 {
            WalkEdge::Assets(edge) => edge.kind,
            WalkEdge::Fields(_) => headwater_model::EdgeKind::Derives,
        }
    }

    fn via(&self) -> Option<AssetIndex> {
        match &self.0 {
            WalkEdge::Assets(edge) => edge.via,
            WalkEdge::Fields(edge) => edge.via,
        }
    }

    /// What sources say of it, read together with that of its neighbours in the answer.
    async fn statement(&self, scope: &Scope) -> Result<Arc<EdgeStatement>> {
        let read = |waiting: &[WalkEdge]| scope.view.edge_statements(waiting);
        scope
            .loads
            .edges
            .get(&scope.stall, self.0.clone(), read)
            .await
    }
}

/// Data flows from one asset or field to another.
#[Object]
impl LineageEdge {
    async fn from(&self, ctx: &Context<'_>) -> Result<ID> {
        self.ends(scope(ctx)).map(|(from, _)| ID(from))
    }

    async fn to(&self, ctx: &Context<'_>) -> Result<ID> {
        self.ends(scope(ctx)).map(|(_, to)| ID(to))
    }

    /// The reference of its beginning.
    #[graphql(name = "fromReference")]
    async fn beginning(&self, ctx: &Context<'_>) -> Result<Reference> {
        let scope = scope(ctx);
        match &self.0 {
            WalkEdge::Assets(edge) => scope.reference(edge.from),
            WalkEdge::Fields(edge) => end_reference(scope, &edge.from),
        }
    }

    /// The reference of its end.
    #[graphql(name = "toReference")]
    async fn end(&self, ctx: &Context<'_>) -> Result<Reference> {
        let scope = scope(ctx);
        match &self.0 {
            WalkEdge::Assets(edge) => scope.reference(edge.to),
            WalkEdge::Fields(edge) => end_reference(scope, &edge.to),
        }
    }

    #[graphql(name = "kind")]
    async fn edge_kind(&self) -> EdgeKind {
        self.kind().into()
    }

    /// The job that makes a DERIVES edge, if known.
    #[graphql(name = "via")]
    async fn via_job(&self) -> Option<Job> {
        self.via().map(Job::new)
    }

    /// How values are taken in; of an edge between datasets, by all its edges between fields.
    async fn transformations(&self, ctx: &Context<'_>) -> Result<Vec<Transformation>> {
        let statement = self.statement(scope(ctx)).await?;
        Ok(transformations(&statement.transformations))
    }

    async fn last_seen(&self, ctx: &Context<'_>) -> Result<DateTime> {
        let scope = scope(ctx);
        let statement = self.statement(scope).await?;
        let assertions = statement.asserted_by.iter();
        let last = assertions.map(|assertion| assertion.last_seen).max();
        Ok(DateTime(last.unwrap_or_else(|| scope.view.committed_at())))
    }

    #[graphql(complexity = "times(3, child_complexity)")]
    async fn asserted_by(&self, ctx: &Context<'_>) -> Result<Vec<Assertion>> {
        let statement = self.statement(scope(ctx)).await?;
        let assertions = statement.asserted_by.iter().cloned();
        Ok(assertions.map(Assertion).collect())
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
                EdgeField::From => json::text(out, &self.ends(scope)?.0),
                EdgeField::To => json::text(out, &self.ends(scope)?.1),
                EdgeField::Kind => json::text(out, self.kind().as_str()),
                EdgeField::Via(plan) => match self.via() {
                    Some(via) => plan.write(scope, via, out)?,
                    None => json::null(out),
                },
            }
            Ok(())
        })
    }
}
