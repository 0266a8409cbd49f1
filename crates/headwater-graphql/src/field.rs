//! Fields of datasets, and the links between them.

use std::sync::OnceLock;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use headwater_engine::{FieldLinkView, FieldLinksQuestion, FieldView, TransformationView};
use headwater_model::AssetIndex;

use crate::asset::{Assertion, AssetPlan, Attribute, Core, Tag};
use crate::cursor;
use crate::dataset::Dataset;
use crate::error::{ask_error, internal};
use crate::input::AsOf;
use crate::job::Job;
use crate::json;
use crate::page::{self, Connection, Edge, cost, times};
use crate::quick::{Fields, Quick, Selected, not_quick, object};
use crate::scalars::Reference;
use crate::scope::{Scope, scope, scope_as_of};

/// A field of a dataset; what sources say of it is read when it is first asked for.
pub(crate) struct Field {
    dataset: AssetIndex,
    name: String,
    view: OnceLock<FieldView>,
}

impl Field {
    pub(crate) fn new(dataset: AssetIndex, view: FieldView) -> Self {
        Self {
            dataset,
            name: view.name.to_string(),
            view: OnceLock::from(view),
        }
    }

    /// One of which only the name is known.
    pub(crate) fn named(dataset: AssetIndex, name: &str) -> Self {
        Self {
            dataset,
            name: name.to_owned(),
            view: OnceLock::new(),
        }
    }

    async fn view(&self, scope: &Scope) -> Result<&FieldView> {
        if let Some(view) = self.view.get() {
            return Ok(view);
        }
        let details = Core::new(self.dataset).details(scope).await?;
        let mut fields = details.fields.iter();
        let found = fields.find(|field| *field.name == *self.name).cloned();
        let view = found.unwrap_or_else(|| FieldView {
            name: self.name.as_str().into(),
            r#type: None,
            description: None,
            tags: Vec::new(),
            attributes: Vec::new(),
        });
        Ok(self.view.get_or_init(|| view))
    }

    async fn links(
        &self,
        scope: &Scope,
        list: &'static str,
        is_upstream: bool,
        (first, after): (Option<i32>, Option<String>),
    ) -> Result<Connection<FieldLink>> {
        let count = page::count(first, 50, scope.limits.page_max)?;
        let after: Option<LinkKey> = after.map(|after| cursor::read(list, &after)).transpose()?;
        let question = FieldLinksQuestion {
            dataset: self.dataset,
            field: self.name.as_str().into(),
            is_upstream,
        };
        let read = |waiting: &[FieldLinksQuestion]| scope.view.field_links(waiting);
        let links = scope.loads.links.get(&scope.stall, question, read).await?;
        let start = after.map_or(0, |after| {
            links.partition_point(|link| link_key(link, is_upstream) <= after)
        });
        let range = page::range(start, count, links.len());
        Ok(Connection::of(&links, range, |link| Edge {
            node: FieldLink(link.clone()),
            cursor: cursor::of(list, &link_key(link, is_upstream)),
        }))
    }
}

/// The other end of a link, and its job: what links of one field are sorted by.
type LinkKey = (u32, String, Option<u32>);

fn link_key(link: &FieldLinkView, is_upstream: bool) -> LinkKey {
    let (dataset, name) = if is_upstream { &link.from } else { &link.to };
    (
        dataset.get(),
        name.to_string(),
        link.via.map(AssetIndex::get),
    )
}

/// The stable public id of a field.
pub(crate) fn field_id(scope: &Scope, dataset: AssetIndex, name: &str) -> Result<String> {
    scope
        .view
        .field_id(dataset, name)
        .ok_or_else(|| internal(&"a field's dataset has no id"))
}

pub(crate) fn field_reference(scope: &Scope, dataset: AssetIndex, name: &str) -> Result<String> {
    let dataset = scope.view.reference(dataset).map_err(ask_error)?;
    Ok(format!("{dataset}#{}", name.replace('#', "%23")))
}

/// A field of a dataset.
#[Object]
impl Field {
    pub(crate) async fn id(&self, ctx: &Context<'_>) -> Result<ID> {
        field_id(scope(ctx), self.dataset, &self.name).map(ID)
    }

    async fn reference(&self, ctx: &Context<'_>) -> Result<Reference> {
        field_reference(scope(ctx), self.dataset, &self.name).map(Reference::from)
    }

    async fn name(&self) -> &str {
        &self.name
    }

    async fn r#type(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        Ok(self.view(scope(ctx)).await?.r#type.as_deref())
    }

    async fn description(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        Ok(self.view(scope(ctx)).await?.description.as_deref())
    }

    async fn dataset(&self) -> Dataset {
        Dataset::new(self.dataset)
    }

    async fn tags(&self, ctx: &Context<'_>) -> Result<Vec<Tag>> {
        Ok(self
            .view(scope(ctx))
            .await?
            .tags
            .iter()
            .map(Tag::from)
            .collect())
    }

    /// What else sources say of it, by key and value.
    async fn attributes(&self, ctx: &Context<'_>) -> Result<Vec<Attribute>> {
        let view = self.view(scope(ctx)).await?;
        Ok(view.attributes.iter().map(Attribute::from).collect())
    }

    /// Field-level links one step away. An edge from a dataset as a whole links every field of it.
    #[graphql(complexity = "cost(first, 50, child_complexity)")]
    async fn upstream(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(50)")] first: Option<i32>,
        after: Option<String>,
        as_of: Option<AsOf>,
    ) -> Result<Connection<FieldLink>> {
        let page = (first, after);
        let scope = scope_as_of(ctx, as_of)?;
        self.links(scope, "field.upstream", true, page).await
    }

    /// Field-level links one step away. An edge into a dataset as a whole links every field of it.
    #[graphql(complexity = "cost(first, 50, child_complexity)")]
    async fn downstream(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(50)")] first: Option<i32>,
        after: Option<String>,
        as_of: Option<AsOf>,
    ) -> Result<Connection<FieldLink>> {
        let page = (first, after);
        let scope = scope_as_of(ctx, as_of)?;
        self.links(scope, "field.downstream", false, page).await
    }
}

/// What the graph answers of a field.
pub(crate) enum FieldField {
    TypeName,
    Id,
    Reference,
    Name,
    Dataset(AssetPlan),
}

/// Plans what is selected of a field; none if anything in it needs the state.
pub(crate) fn field_plan(selected: &Selected<'_>) -> Option<Fields<FieldField>> {
    let others = ["Node", "LineageEntity", "SearchEntity"];
    selected.fields("Field", &others, |name, selected| {
        Some(match name {
            "__typename" => FieldField::TypeName,
            "id" => FieldField::Id,
            "reference" => FieldField::Reference,
            "name" => FieldField::Name,
            "dataset" => FieldField::Dataset(AssetPlan::new(selected)?),
            _ => return None,
        })
    })
}

/// Writes what is planned of one field.
pub(crate) fn write_field(
    scope: &Scope,
    (dataset, name): (AssetIndex, &str),
    plan: &Fields<FieldField>,
    out: &mut Vec<u8>,
) -> Result<()> {
    object(out, plan, |out, field| {
        match field {
            FieldField::TypeName => json::text(out, "Field"),
            FieldField::Id => json::text(out, &field_id(scope, dataset, name)?),
            FieldField::Reference => json::text(out, &field_reference(scope, dataset, name)?),
            FieldField::Name => json::text(out, name),
            FieldField::Dataset(plan) => plan.write(scope, dataset, out)?,
        }
        Ok(())
    })
}

impl Quick for Field {
    type Plan = Fields<FieldField>;

    fn plan(selected: &Selected<'_>) -> Option<Self::Plan> {
        field_plan(selected)
    }

    fn write(&self, scope: &Scope, plan: &Self::Plan, out: &mut Vec<u8>) -> Result<()> {
        write_field(scope, (self.dataset, &self.name), plan, out)
    }
}

/// A link between two fields.
pub(crate) struct FieldLink(FieldLinkView);

/// A field derives from a field.
#[Object]
impl FieldLink {
    async fn from(&self) -> Field {
        Field::named(self.0.from.0, &self.0.from.1)
    }

    async fn to(&self) -> Field {
        Field::named(self.0.to.0, &self.0.to.1)
    }

    async fn via(&self) -> Option<Job> {
        self.0.via.map(Job::new)
    }

    async fn transformations(&self) -> Vec<Transformation> {
        transformations(&self.0.transformations)
    }

    #[graphql(complexity = "times(3, child_complexity)")]
    async fn asserted_by(&self) -> Vec<Assertion> {
        self.0.asserted_by.iter().cloned().map(Assertion).collect()
    }
}

not_quick!(FieldLink);

/// OpenLineage's column-lineage transformation: DIRECT or INDIRECT, subtype, masking.
#[derive(SimpleObject)]
pub(crate) struct Transformation {
    r#type: String,
    subtype: Option<String>,
    description: Option<String>,
    masking: bool,
}

pub(crate) fn transformations(views: &[TransformationView]) -> Vec<Transformation> {
    let of = |view: &TransformationView| Transformation {
        r#type: if view.is_direct { "DIRECT" } else { "INDIRECT" }.to_owned(),
        subtype: view.subtype.as_deref().map(str::to_owned),
        description: view.description.as_deref().map(str::to_owned),
        masking: view.is_masking,
    };
    views.iter().map(of).collect()
}
