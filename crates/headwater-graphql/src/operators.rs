//! What operators do: extractors and the sources that are bound to them.

#![allow(
    clippy::too_many_arguments,
    reason = "clients read arguments by their names"
)]

use std::sync::Arc;

use async_graphql::{Context, InputObject, MergedObject, Object, Result, SimpleObject, Value};
use headwater_engine::{DryRun, DryRunFacts};
use headwater_extraction::{ActivationPlan, Binding, Extractions, SourcePlan};
use headwater_model::ExtractorConfig;

use crate::error::{Code, error, extraction_error, invalid};
use crate::extraction::{Extraction, SourceBinding, key};
use crate::manual::ManualFacts;
use crate::plugin::Plugin;
use crate::scalars::{Json, int};
use crate::scope::scope;
use crate::source::Diagnostic;

/// What changes something.
#[derive(Default, MergedObject)]
pub(crate) struct Mutation(ManualFacts, Operations);

/// What a request may do with extractors.
pub(crate) struct Operators {
    pub(crate) extractions: Option<Arc<Extractions>>,
    pub(crate) is_allowed: bool,
}

/// Extractors and the sources that are bound to them. For programs on the machine of the service only.
#[derive(Default)]
pub(crate) struct Operations;

/// An extractor, and what became of it.
#[derive(SimpleObject)]
struct InstalledPlugin {
    plugin: Plugin,
    /// True if sources that are not pinned use it now.
    is_active: bool,
}

/// What activating a version of an extractor changes.
#[derive(SimpleObject)]
struct PluginActivation {
    plugin: Plugin,
    /// True if it was done, false if it was only shown.
    is_done: bool,
    /// What the version says of the artifacts that the sources which would use it read last, against the graph; null if
    /// it was done.
    sources: Option<Vec<SourceChange>>,
    /// Sources that would use it and were not tried, for want of time.
    untried: Vec<String>,
}

/// What a version of an extractor would change of a source.
#[derive(SimpleObject)]
struct SourceChange {
    domain: String,
    name: String,
    /// Why nothing would come of it.
    error: Option<String>,
    added_count: Option<i32>,
    removed_count: Option<i32>,
    unchanged_count: Option<i32>,
    /// References of what would come: datasets, jobs, fields, and edges as `from -> to`.
    added: Vec<String>,
    /// References of what would go.
    removed: Vec<String>,
    /// True if the lists leave something out.
    is_cut: bool,
    /// References of assets of other domains downstream of what would go or change.
    downstream: Vec<String>,
    diagnostics: Vec<Diagnostic>,
}

/// Where a source's artifacts are fetched.
#[derive(Clone, Debug, InputObject)]
#[graphql(name = "FetchInput")]
struct FetchInput {
    /// Folders and files (`file:///…`) and HTTP addresses that the service's configuration allows.
    urls: Vec<String>,
    /// Seconds between two fetches; at least 10.
    #[graphql(default = 900)]
    every_seconds: i32,
}

fn references(facts: DryRunFacts) -> Vec<String> {
    let edges = facts
        .edges
        .into_iter()
        .map(|edge| format!("{} -> {}", edge.from, edge.to));
    facts
        .datasets
        .into_iter()
        .chain(facts.jobs)
        .chain(facts.fields)
        .chain(edges)
        .collect()
}

impl From<SourcePlan> for SourceChange {
    fn from(plan: SourcePlan) -> Self {
        let (change, error) = match plan.change {
            Ok(change) => (Some(change), None),
            Err(error) => (None, Some(error)),
        };
        let counts = change.as_ref().map(|change| {
            (
                change.added_count,
                change.removed_count,
                change.unchanged_count,
            )
        });
        let change = change.unwrap_or_else(DryRun::default);
        Self {
            domain: plan.source.domain.to_string(),
            name: plan.source.name.to_string(),
            error,
            added_count: counts.map(|(added, _, _)| int(added)),
            removed_count: counts.map(|(_, removed, _)| int(removed)),
            unchanged_count: counts.map(|(_, _, unchanged)| int(unchanged)),
            added: references(change.added),
            removed: references(change.removed),
            is_cut: change.is_cut,
            downstream: change
                .downstream
                .into_iter()
                .map(|asset| asset.reference)
                .collect(),
            diagnostics: plan.diagnostics.into_iter().map(Diagnostic).collect(),
        }
    }
}

/// The extractions, for somebody who may change them.
///
/// # Errors
/// `FORBIDDEN`; `INVALID_INPUT` if the service extracts nothing.
fn extractions<'a>(ctx: &Context<'a>) -> Result<&'a Extractions> {
    let operators = ctx.data_unchecked::<Operators>();
    if !operators.is_allowed {
        let message = "this is for programs on the machine of the service only";
        return Err(error(Code::Forbidden, message));
    }
    let extractions = operators.extractions.as_deref();
    extractions.ok_or_else(|| invalid("this service extracts nothing"))
}

fn active(ctx: &Context<'_>, name: &str, digest: &str) -> Result<Plugin> {
    let found = Plugin::of(scope(ctx), (name, "", digest));
    found.ok_or_else(|| error(Code::NotFound, format!("there is no extractor {name}")))
}

fn config(json: Option<Json>) -> Result<ExtractorConfig> {
    let Some(Json(Value::Object(object))) = json else {
        return match json {
            None => Ok(ExtractorConfig::new()),
            Some(_) => Err(invalid("config is no object of strings")),
        };
    };
    object
        .into_iter()
        .map(|(key, value)| match value {
            Value::String(text) => Ok((key.to_string(), text)),
            _ => Err(invalid(format!("config: the value of {key} is no string"))),
        })
        .collect()
}

/// Extractors and the sources that are bound to them. For programs on the machine of the service only.
#[Object]
impl Operations {
    /// Installs a component that was sent to /api/v1/plugins. The first version of an extractor is active at once.
    async fn install_plugin(&self, ctx: &Context<'_>, digest: String) -> Result<InstalledPlugin> {
        let installed = extractions(ctx)?.install(&digest);
        let installed = installed.map_err(extraction_error)?;
        Ok(InstalledPlugin {
            plugin: active(ctx, &installed.name, &installed.version.digest)?,
            is_active: installed.is_active,
        })
    }

    /// Lets sources that are not pinned use a version of an extractor, and extracts them. With dryRun it is only shown
    /// what would change; the version need not be installed then. A version is named by its digest, the beginning of
    /// that, or what it calls itself.
    async fn activate_plugin(
        &self,
        ctx: &Context<'_>,
        name: String,
        version: String,
        #[graphql(default = false)] dry_run: bool,
    ) -> Result<PluginActivation> {
        let extractions = extractions(ctx)?;
        if dry_run {
            let plan = extractions.plan(&name, &version);
            let ActivationPlan {
                version,
                sources,
                untried,
            } = plan.map_err(extraction_error)?;
            return Ok(PluginActivation {
                plugin: Plugin::of_version(scope(ctx), &name, &version),
                is_done: false,
                sources: Some(sources.into_iter().map(SourceChange::from).collect()),
                untried: untried.iter().map(ToString::to_string).collect(),
            });
        }
        let activated = extractions.activate(&name, &version);
        let activated = activated.map_err(extraction_error)?;
        Ok(PluginActivation {
            plugin: active(ctx, &name, &activated.active)?,
            is_done: true,
            sources: None,
            untried: Vec::new(),
        })
    }

    /// Activates the version that was active before, and extracts the sources that use it.
    async fn roll_back_plugin(&self, ctx: &Context<'_>, name: String) -> Result<Plugin> {
        let rolled_back = extractions(ctx)?.roll_back(&name);
        let rolled_back = rolled_back.map_err(extraction_error)?;
        active(ctx, &name, &rolled_back.active)
    }

    /// Lets the sources of an extractor be extracted.
    async fn enable_plugin(&self, ctx: &Context<'_>, name: String) -> Result<Plugin> {
        let enabled = extractions(ctx)?.enable(&name, true);
        active(ctx, &name, &enabled.map_err(extraction_error)?.active)
    }

    /// Keeps the sources of an extractor from being extracted; what is sent meanwhile waits.
    async fn disable_plugin(&self, ctx: &Context<'_>, name: String) -> Result<Plugin> {
        let disabled = extractions(ctx)?.enable(&name, false);
        active(ctx, &name, &disabled.map_err(extraction_error)?.active)
    }

    /// Removes a version of an extractor, or all of it, if no source uses it.
    async fn remove_plugin(
        &self,
        ctx: &Context<'_>,
        name: String,
        version: Option<String>,
    ) -> Result<bool> {
        let removed = extractions(ctx)?.remove(&name, version.as_deref());
        removed.map(|()| true).map_err(extraction_error)
    }

    /// Binds a source to an extractor, or binds it anew: what is not given is as if it never was. version pins it.
    async fn bind_source(
        &self,
        ctx: &Context<'_>,
        domain: String,
        name: String,
        plugin: String,
        version: Option<String>,
        #[graphql(desc = "The extractor's configuration: an object of strings.")] config: Option<
            Json,
        >,
        fetch: Option<FetchInput>,
    ) -> Result<SourceBinding> {
        let key = key(&domain, &name)?;
        let fetch = fetch.map(|fetch| {
            let every = u64::try_from(fetch.every_seconds).unwrap_or_default();
            (fetch.urls, every)
        });
        let binding = Binding {
            extractor: plugin,
            pin: version,
            config: self::config(config)?,
            fetch,
        };
        let bound = extractions(ctx)?.bind(&key, binding);
        bound.map(SourceBinding).map_err(extraction_error)
    }

    /// Forgets a source's extractor and artifacts. What it submitted stays.
    async fn unbind_source(&self, ctx: &Context<'_>, domain: String, name: String) -> Result<bool> {
        let unbound = extractions(ctx)?.unbind(&key(&domain, &name)?);
        unbound.map(|()| true).map_err(extraction_error)
    }

    /// Lets a source use one version of its extractor whatever is active; without one, the active one again.
    async fn pin_source(
        &self,
        ctx: &Context<'_>,
        domain: String,
        name: String,
        version: Option<String>,
    ) -> Result<SourceBinding> {
        let pinned = extractions(ctx)?.pin(&key(&domain, &name)?, version.as_deref());
        pinned.map(SourceBinding).map_err(extraction_error)
    }

    /// Lets nothing of a source be extracted until it is resumed; what is sent meanwhile waits.
    async fn pause_source(
        &self,
        ctx: &Context<'_>,
        domain: String,
        name: String,
        #[graphql(default_with = "\"an operator paused it\".to_owned()")] reason: String,
    ) -> Result<SourceBinding> {
        let paused = extractions(ctx)?.pause(&key(&domain, &name)?, &reason);
        paused.map(SourceBinding).map_err(extraction_error)
    }

    /// Lets a source be extracted again.
    async fn resume_source(
        &self,
        ctx: &Context<'_>,
        domain: String,
        name: String,
    ) -> Result<SourceBinding> {
        let resumed = extractions(ctx)?.resume(&key(&domain, &name)?);
        resumed.map(SourceBinding).map_err(extraction_error)
    }

    /// Extracts a source now, from its artifacts, which are fetched first if it fetches; with force, though nothing
    /// changed.
    async fn extract_source(
        &self,
        ctx: &Context<'_>,
        domain: String,
        name: String,
        #[graphql(default = false)] force: bool,
    ) -> Result<Extraction> {
        let key = key(&domain, &name)?;
        let extractions = extractions(ctx)?;
        let queued = extractions.request(&key, force);
        let queued = queued.map_err(extraction_error)?;
        let source = extractions.source(&key);
        let source = source.ok_or_else(|| error(Code::NotFound, "the source was unbound"))?;
        Ok(Extraction::new(&source, queued))
    }
}
