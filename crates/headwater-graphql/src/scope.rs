//! What one request works with: its pinned view, its bounds, its deadline.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use async_graphql::{Context, Result};
use headwater_engine::View;
use headwater_model::{AssetIndex, ExtractorDescription};

use crate::api::Clock;
use crate::error::{ask_error, internal};
use crate::limits::Limits;
use crate::loads::Loads;
use crate::scalars::Reference;
use crate::stall::Stall;

/// One request's view and bounds; all resolvers of the request share it.
pub(crate) struct Scope {
    pub(crate) view: View,
    pub(crate) limits: Arc<Limits>,
    pub(crate) clock: Clock,
    pub(crate) deadline: Instant,
    /// Extractors that the service has loaded, by name and version.
    pub(crate) plugins: Arc<[Arc<ExtractorDescription>]>,
    /// What was read.
    pub(crate) loads: Loads,
    /// When it is read.
    pub(crate) stall: Arc<Stall>,
    /// True if lists may be written in one go.
    pub(crate) is_quick: bool,
    /// Lists that were.
    pub(crate) written_count: Arc<AtomicUsize>,
}

impl Scope {
    /// True once the walks of this request have taken as long as they may.
    pub(crate) fn is_over(&self) -> bool {
        (self.clock)() >= self.deadline
    }

    pub(crate) fn id(&self, index: AssetIndex) -> Result<String> {
        let id = self.view.id(index);
        id.map(|id| id.to_string())
            .ok_or_else(|| internal(&format_args!("asset {} has no id", index.get())))
    }

    pub(crate) fn reference(&self, index: AssetIndex) -> Result<Reference> {
        self.view
            .reference(index)
            .map(Reference::from)
            .map_err(ask_error)
    }
}

/// The scope of the request that is being answered.
pub(crate) fn scope<'a>(ctx: &Context<'a>) -> &'a Scope {
    ctx.data_unchecked::<Scope>()
}
