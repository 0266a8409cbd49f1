//! What one request works with: its pinned view, its bounds, its deadline.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use async_graphql::{Context, ContextBase, QueryPathNode, Result};
use headwater_engine::View;
use headwater_model::AssetIndex;

use crate::api::Clock;
use crate::error::{ask_error, internal};
use crate::input::AsOf;
use crate::limits::Limits;
use crate::loads::Loads;
use crate::plugin::Plugins;
use crate::scalars::Reference;
use crate::stall::Stall;

/// One request's view and bounds; all resolvers of the request share it.
pub(crate) struct Scope {
    pub(crate) view: View,
    pub(crate) limits: Arc<Limits>,
    pub(crate) clock: Clock,
    pub(crate) deadline: Instant,
    /// Extractors that the service has loaded.
    pub(crate) plugins: Plugins,
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

impl Scope {
    /// The same request, with another view.
    fn showing(&self, view: View) -> Self {
        Self {
            view,
            limits: Arc::clone(&self.limits),
            clock: Arc::clone(&self.clock),
            deadline: self.deadline,
            plugins: self.plugins.clone(),
            loads: Loads::default(),
            stall: Arc::clone(&self.stall),
            is_quick: self.is_quick,
            written_count: Arc::clone(&self.written_count),
        }
    }
}

/// The scopes of one request: that of the newest graph, and those of the past that parts of it ask for.
pub(crate) struct Scopes {
    newest: Scope,
    first: OnceLock<Box<Past>>,
}

/// The scope of everything below one field of the request.
struct Past {
    /// The field's place in the response, as `lineage` or `dataset.producedBy`.
    path: String,
    scope: Scope,
    next: OnceLock<Box<Past>>,
}

impl Scopes {
    pub(crate) fn new(newest: Scope) -> Self {
        Self {
            newest,
            first: OnceLock::new(),
        }
    }

    fn pasts(&self) -> impl Iterator<Item = &Past> {
        std::iter::successors(self.first.get(), |past| past.next.get()).map(|past| &**past)
    }

    /// The scope of what stands at a place: that of the nearest field above it that asks for a past.
    fn at(&self, path: Option<&QueryPathNode<'_>>) -> &Scope {
        let (Some(_), Some(path)) = (self.first.get(), path) else {
            return &self.newest;
        };
        let path = path.to_string();
        let is_above = |past: &&Past| {
            let rest = path.strip_prefix(&*past.path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let above = self.pasts().filter(is_above);
        let nearest = above.max_by_key(|past| past.path.len());
        nearest.map_or(&self.newest, |past| &past.scope)
    }

    /// Everything below `path` shows `scope`.
    fn keep(&self, path: String, scope: Scope) {
        let mut past = Box::new(Past {
            path,
            scope,
            next: OnceLock::new(),
        });
        let mut end = &self.first;
        while let Err(rejected) = end.set(past) {
            past = rejected;
            match end.get() {
                Some(taken) => end = &taken.next,
                None => return,
            }
        }
    }
}

/// The scope of the part of the request that is being answered.
pub(crate) fn scope<'a, T>(ctx: &ContextBase<'a, T>) -> &'a Scope {
    let scopes = ctx.data_unchecked::<Scopes>();
    scopes.at(ctx.path_node.as_ref())
}

/// The scope of a field, and of everything below it, that shows another view.
pub(crate) fn scope_showing<'a>(ctx: &Context<'a>, view: &View) -> &'a Scope {
    let scopes = ctx.data_unchecked::<Scopes>();
    if let Some(path) = ctx.path_node.as_ref() {
        scopes.keep(path.to_string(), scopes.newest.showing(view.again()));
    }
    scopes.at(ctx.path_node.as_ref())
}

/// The scope of a field, and of everything below it, that asks for a past.
///
/// # Errors
/// Those of reading the past.
pub(crate) fn scope_as_of<'a>(ctx: &Context<'a>, as_of: Option<AsOf>) -> Result<&'a Scope> {
    let scopes = ctx.data_unchecked::<Scopes>();
    if let (Some(as_of), Some(path)) = (as_of, ctx.path_node.as_ref()) {
        let view = scopes.newest.view.as_of(&as_of.into()).map_err(ask_error)?;
        scopes.keep(path.to_string(), scopes.newest.showing(view));
    }
    Ok(scopes.at(ctx.path_node.as_ref()))
}
