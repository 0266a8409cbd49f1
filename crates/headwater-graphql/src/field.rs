//! Fields of datasets.

use async_graphql::{Context, ID, Object, Result};
use headwater_engine::FieldView;
use headwater_model::AssetIndex;

use crate::asset::Tag;
use crate::dataset::Dataset;
use crate::error::internal;
use crate::quick::not_quick;
use crate::scalars::Reference;
use crate::scope::scope;

/// A field of a dataset.
pub(crate) struct Field {
    dataset: AssetIndex,
    view: FieldView,
}

impl Field {
    pub(crate) fn new(dataset: AssetIndex, view: FieldView) -> Self {
        Self { dataset, view }
    }
}

/// A field of a dataset.
#[Object]
impl Field {
    pub(crate) async fn id(&self, ctx: &Context<'_>) -> Result<ID> {
        let id = scope(ctx).view.field_id(self.dataset, &self.view.name);
        id.map(ID)
            .ok_or_else(|| internal(&"a field's dataset has no id"))
    }

    async fn reference(&self, ctx: &Context<'_>) -> Result<Reference> {
        let dataset = scope(ctx).view.reference(self.dataset);
        let dataset = dataset.map_err(crate::error::ask_error)?;
        let name = self.view.name.replace('#', "%23");
        Ok(format!("{dataset}#{name}").into())
    }

    async fn name(&self) -> &str {
        &self.view.name
    }

    async fn r#type(&self) -> Option<&str> {
        self.view.r#type.as_deref()
    }

    async fn description(&self) -> Option<&str> {
        self.view.description.as_deref()
    }

    async fn dataset(&self) -> Dataset {
        Dataset::new(self.dataset)
    }

    async fn tags(&self) -> Vec<Tag> {
        self.view.tags.iter().map(Tag::from).collect()
    }
}

not_quick!(Field);
