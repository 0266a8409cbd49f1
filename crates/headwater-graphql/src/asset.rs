//! What datasets and jobs have in common, and what sources say of them.

use std::sync::Arc;

use async_graphql::{Context, ID, Interface, Object, Result, SimpleObject, Union, Value};
use headwater_engine::{AssertionPlace, AssetSummary, Details};
use headwater_model::{AssetIndex, AssetKind, EdgeKind};

use crate::dataset::Dataset;
use crate::domain::{Domain, DomainField, domain_plan, write_domain};
use crate::error::{ask_error, internal};
use crate::field::Field;
use crate::job::Job;
use crate::json;
use crate::page::{self, Connection};
use crate::quick::{Fields, Quick, Selected, object};
use crate::run::Run;
use crate::scalars::{DateTime, Json, Offset, Reference, int};
use crate::scope::{Scope, scope};
use crate::source::{Source, sources};

/// An asset by its number; what sources say of it is read together with that of its neighbours in the answer.
pub(crate) struct Core {
    pub(crate) index: AssetIndex,
}

impl Core {
    pub(crate) fn new(index: AssetIndex) -> Self {
        Self { index }
    }

    pub(crate) async fn details(&self, scope: &Scope) -> Result<Arc<Details>> {
        let read = |waiting: &[AssetIndex]| scope.view.details_many(waiting);
        scope
            .loads
            .details
            .get(&scope.stall, self.index, read)
            .await
    }

    pub(crate) async fn first_seen(&self, scope: &Scope) -> Result<DateTime> {
        let first = self.details(scope).await?.first_seen;
        first
            .map(DateTime)
            .ok_or_else(|| internal(&"an asset was never seen"))
    }

    pub(crate) async fn last_seen(&self, scope: &Scope) -> Result<DateTime> {
        let details = self.details(scope).await?;
        let last = details.last_seen.or(details.first_seen);
        last.map(DateTime)
            .ok_or_else(|| internal(&"an asset was never seen"))
    }

    pub(crate) async fn facets(&self, scope: &Scope) -> Result<Json> {
        let details = self.details(scope).await?;
        let facets = details.facets.iter().map(|(name, json)| {
            let value = serde_json::from_str::<Value>(json).map_err(|error| internal(&error))?;
            Ok((async_graphql::Name::new(&**name), value))
        });
        let facets: Result<_> = facets.collect();
        facets.map(|facets| Json(Value::Object(facets)))
    }

    /// What the graph's columns say.
    pub(crate) fn summary<'a>(&self, scope: &'a Scope) -> Result<AssetSummary<'a>> {
        summary(scope, self.index)
    }

    /// The page of those assets that are that neighbours, by number.
    pub(crate) fn neighbours<T>(
        &self,
        scope: &Scope,
        list: &'static str,
        (kind, is_upstream): (EdgeKind, bool),
        (first, after): (Option<i32>, Option<String>),
        node: impl Fn(AssetIndex) -> T,
    ) -> Result<Connection<T>> {
        let count = page::count(first, 50, scope.limits.page_max)?;
        let mut found = scope.view.neighbours(self.index, kind, is_upstream);
        found.sort_unstable();
        found.dedup();
        page::of_assets(list, &found, (count, after), node)
    }
}

fn summary(scope: &Scope, index: AssetIndex) -> Result<AssetSummary<'_>> {
    scope
        .view
        .asset(index)
        .ok_or_else(|| internal(&format_args!("asset {} is not in the graph", index.get())))
}

/// A dataset or a job.
#[derive(Interface)]
#[allow(clippy::duplicated_attributes, reason = "several fields have one type")]
#[graphql(
    field(
        name = "id",
        ty = "ID",
        desc = "Stable: a prefix for the kind, and a digest. Contains no slash. Ids of assets that were merged go on resolving."
    ),
    field(
        name = "reference",
        ty = "Reference",
        desc = "What to show and to paste; the id where its text would be ambiguous."
    ),
    field(name = "namespace", ty = "String"),
    field(name = "name", ty = "String"),
    field(
        name = "type",
        ty = "String",
        method = "asset_type",
        desc = "TABLE, VIEW, TOPIC, FILE, DASHBOARD, METRIC, …; MODEL, TASK, QUERY, CONNECTOR, … for jobs."
    ),
    field(
        name = "label",
        ty = "Option<String>",
        desc = "What people call it, such as a dashboard's title."
    ),
    field(name = "description", ty = "Option<String>"),
    field(name = "url", ty = "Option<String>"),
    field(name = "domain", ty = "Option<Domain>"),
    field(name = "owners", ty = "Vec<Owner>"),
    field(name = "tags", ty = "Vec<Tag>"),
    field(
        name = "attributes",
        ty = "Vec<Attribute>",
        desc = "What else sources say of it, by key and value."
    ),
    field(name = "first_seen", ty = "DateTime"),
    field(name = "last_seen", ty = "DateTime"),
    field(
        name = "retired_at",
        ty = "Option<DateTime>",
        desc = "When the last source that asserted it stopped doing so; null while one does."
    ),
    field(
        name = "asserted_by",
        ty = "Vec<Assertion>",
        desc = "Who says that this asset exists."
    ),
    field(name = "facets", ty = "Json")
)]
pub(crate) enum Asset {
    /// One of a kind.
    Dataset(Dataset),
    /// The other kind.
    Job(Job),
}

impl Quick for Asset {
    type Plan = AssetPlan;

    fn plan(selected: &Selected<'_>) -> Option<AssetPlan> {
        AssetPlan::new(selected)
    }

    fn write(&self, scope: &Scope, plan: &AssetPlan, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Dataset(dataset) => dataset.write(scope, plan, out),
            Self::Job(job) => job.write(scope, plan, out),
        }
    }
}

impl Asset {
    pub(crate) fn new(scope: &Scope, index: AssetIndex) -> Result<Self> {
        Ok(match summary(scope, index)?.kind {
            AssetKind::Dataset => Self::Dataset(Dataset::new(index)),
            AssetKind::Job => Self::Job(Job::new(index)),
        })
    }
}

/// What a lineage has for nodes.
#[derive(Union)]
pub(crate) enum LineageEntity {
    /// A dataset.
    Dataset(Dataset),
    /// A job.
    Job(Job),
    /// A field.
    Field(Field),
}

impl From<Asset> for LineageEntity {
    fn from(asset: Asset) -> Self {
        match asset {
            Asset::Dataset(dataset) => Self::Dataset(dataset),
            Asset::Job(job) => Self::Job(job),
        }
    }
}

/// Who answers for something.
#[derive(SimpleObject)]
pub(crate) struct Owner {
    name: String,
    r#type: Option<String>,
}

impl From<&headwater_engine::OwnerView> for Owner {
    fn from(owner: &headwater_engine::OwnerView) -> Self {
        Self {
            name: owner.name.to_string(),
            r#type: owner.r#type.as_deref().map(str::to_owned),
        }
    }
}

impl Owner {
    /// One of whom only the name is known.
    pub(crate) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            r#type: None,
        }
    }
}

/// A word that sources put on an asset or a field.
pub(crate) struct Tag(headwater_engine::TagView);

impl From<&headwater_engine::TagView> for Tag {
    fn from(tag: &headwater_engine::TagView) -> Self {
        Self(tag.clone())
    }
}

/// A word that sources put on an asset or a field.
#[Object]
impl Tag {
    async fn name(&self) -> &str {
        &self.0.name
    }

    async fn value(&self) -> Option<&str> {
        self.0.value.as_deref()
    }

    async fn asserted_by(&self, ctx: &Context<'_>) -> Result<Vec<Source>> {
        sources(scope(ctx), &self.0.sources)
    }
}

/// What sources say of an asset or a field under a key of their own.
pub(crate) struct Attribute(headwater_engine::AttributeView);

impl From<&headwater_engine::AttributeView> for Attribute {
    fn from(attribute: &headwater_engine::AttributeView) -> Self {
        Self(attribute.clone())
    }
}

/// What sources say of an asset or a field under a key of their own: `classification`, `contract-version`, …
#[Object]
impl Attribute {
    async fn key(&self) -> &str {
        &self.0.key
    }

    async fn value(&self) -> &str {
        &self.0.value
    }

    async fn asserted_by(&self, ctx: &Context<'_>) -> Result<Vec<Source>> {
        sources(scope(ctx), &self.0.sources)
    }
}

/// Another name of a dataset.
pub(crate) struct Alias(headwater_engine::AliasView);

impl From<&headwater_engine::AliasView> for Alias {
    fn from(alias: &headwater_engine::AliasView) -> Self {
        Self(alias.clone())
    }
}

/// Another name of a dataset.
#[Object]
impl Alias {
    async fn namespace(&self) -> &str {
        &self.0.namespace
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The rule that linked it, in words.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    async fn source(&self, ctx: &Context<'_>) -> Result<Option<Source>> {
        let number = self.0.source;
        number
            .map(|number| Source::new(scope(ctx), number))
            .transpose()
    }
}

/// One source's claim.
pub(crate) struct Assertion(pub(crate) headwater_engine::AssertionView);

/// One source's claim, how long it held (valid time), and how long it was believed (offsets).
#[Object]
impl Assertion {
    async fn source(&self, ctx: &Context<'_>) -> Result<Source> {
        Source::new(scope(ctx), self.0.source)
    }

    async fn valid_from(&self) -> DateTime {
        DateTime(self.0.valid_from)
    }

    async fn valid_to(&self) -> Option<DateTime> {
        self.0.valid_to.map(DateTime)
    }

    async fn asserted_at(&self) -> Offset {
        Offset(self.0.asserted_at)
    }

    async fn retracted_at(&self) -> Option<Offset> {
        self.0.retracted_at.map(Offset)
    }

    async fn evidence(&self) -> Option<Evidence> {
        let is_any = self.0.evidence.is_some() || self.0.note.is_some();
        is_any.then(|| Evidence(self.0.clone()))
    }
}

/// What in the source says so.
pub(crate) struct Evidence(headwater_engine::AssertionView);

impl Evidence {
    fn place(&self) -> Option<&headwater_engine::EvidenceView> {
        self.0.evidence.as_ref()
    }
}

/// What in the source says so.
#[Object]
impl Evidence {
    async fn artifact(&self) -> Option<&str> {
        self.place().map(|place| &*place.artifact)
    }

    async fn pointer(&self) -> Option<&str> {
        self.place().and_then(|place| place.pointer.as_deref())
    }

    async fn line(&self) -> Option<i32> {
        self.place().and_then(|place| place.line).map(int)
    }

    async fn column(&self) -> Option<i32> {
        self.place().and_then(|place| place.column).map(int)
    }

    /// The newest run whose events say so, while it is kept.
    async fn run(&self, ctx: &Context<'_>) -> Result<Option<Run>> {
        let scope = scope(ctx);
        let read = |waiting: &[AssertionPlace]| scope.view.runs_of_assertions(waiting);
        let loads = &scope.loads.runs_of_assertions;
        let run = loads.get(&scope.stall, self.0.place(), read).await?;
        Ok(run.as_ref().clone().map(Run))
    }

    /// What kind of event says so, who asserted it by hand and why, or how it follows from what is said.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }
}

/// What the graph's columns answer of an asset.
pub(crate) enum AssetField {
    TypeName(&'static str),
    Id,
    Reference,
    Namespace,
    Name,
    Type,
    Domain(Fields<DomainField>),
    IsUnresolved,
}

/// What is selected of an asset, if it is a dataset, and if it is a job.
pub(crate) struct AssetPlan {
    dataset: Fields<AssetField>,
    job: Fields<AssetField>,
}

impl AssetPlan {
    /// Plans a selection; none if anything in it needs the state.
    pub(crate) fn new(selected: &Selected<'_>) -> Option<Self> {
        let others = ["Asset", "Node", "LineageEntity", "SearchEntity"];
        let plan = |type_name: &'static str| {
            selected.fields(type_name, &others, move |name, selected| {
                Some(match name {
                    "__typename" => AssetField::TypeName(type_name),
                    "id" => AssetField::Id,
                    "reference" => AssetField::Reference,
                    "namespace" => AssetField::Namespace,
                    "name" => AssetField::Name,
                    "type" => AssetField::Type,
                    "domain" => AssetField::Domain(domain_plan(selected)?),
                    "isUnresolved" => AssetField::IsUnresolved,
                    _ => return None,
                })
            })
        };
        Some(Self {
            dataset: plan("Dataset")?,
            job: plan("Job")?,
        })
    }

    /// Writes what is planned of one asset.
    pub(crate) fn write(&self, scope: &Scope, index: AssetIndex, out: &mut Vec<u8>) -> Result<()> {
        let asset = summary(scope, index)?;
        let fields = match asset.kind {
            AssetKind::Dataset => &self.dataset,
            AssetKind::Job => &self.job,
        };
        object(out, fields, |out, field| {
            match field {
                AssetField::TypeName(name) => json::text(out, name),
                AssetField::Id => json::text(out, &scope.id(index)?),
                AssetField::Reference => {
                    let reference = scope.view.reference(index).map_err(ask_error)?;
                    json::text(out, &reference);
                }
                AssetField::Namespace => json::text(out, asset.namespace),
                AssetField::Name => json::text(out, asset.name),
                AssetField::Type => json::text(out, asset.r#type),
                AssetField::IsUnresolved => json::boolean(out, asset.is_unresolved),
                AssetField::Domain(plan) => match &asset.domain {
                    Some(domain) => write_domain(domain, plan, out)?,
                    None => json::null(out),
                },
            }
            Ok(())
        })
    }
}

/// An object that is an asset is written as one.
macro_rules! quick_asset {
    ($type:ty) => {
        impl crate::quick::Quick for $type {
            type Plan = crate::asset::AssetPlan;

            fn plan(selected: &crate::quick::Selected<'_>) -> Option<Self::Plan> {
                crate::asset::AssetPlan::new(selected)
            }

            fn write(
                &self,
                scope: &crate::scope::Scope,
                plan: &Self::Plan,
                out: &mut Vec<u8>,
            ) -> async_graphql::Result<()> {
                plan.write(scope, self.0.index, out)
            }
        }
    };
}
pub(crate) use quick_asset;
