//! Manual facts: what people assert and take back.

#![allow(
    clippy::too_many_arguments,
    reason = "clients read arguments by their names"
)]

use async_graphql::{Context, InputObject, Object, Result};
use headwater_engine::{
    Caller, ManualFact, ManualPlan, ManualQuestion, Receipt, SubmitError, View,
};
use headwater_model::{DomainName, SourceKey, SourceName, Timestamp};

use crate::asset::Asset;
use crate::error::{Code, ask_error, error, internal, invalid};
use crate::quick::not_quick;
use crate::scalars::{Offset, Reference, int};
use crate::scope::{scope, scope_showing};
use crate::source::Source;

/// In whose name a person speaks: a source of kind MANUAL, which comes to be with the first fact that it asserts.
#[derive(Clone, Debug, InputObject)]
#[graphql(name = "ManualSource")]
pub(crate) struct ManualSource {
    /// The domain that speaks.
    domain: String,
    /// The source's name within the domain.
    #[graphql(default = "manual")]
    name: String,
}

/// In whose name, who, why, and whether only to tell what would change.
type Speaker = (ManualSource, String, String, bool);

/// What asserting a fact changed, or taking it back.
pub(crate) struct ManualChange {
    plan: ManualPlan,
    receipt: Option<Receipt>,
    warning: Option<String>,
}

/// What asserting a fact changed, or taking it back.
#[Object]
impl ManualChange {
    /// The fact in words, under the names that are kept.
    async fn about(&self) -> &str {
        &self.plan.about
    }

    /// False if the source asserts the fact already: then nothing changes.
    async fn is_change(&self) -> bool {
        self.receipt
            .as_ref()
            .map_or(self.plan.is_change, |receipt| !receipt.is_repeat)
    }

    /// Why the fact has no effect as things stand, and the rule that says so: an alias joins no two datasets that are both
    /// declared. It is kept all the same, and holds once the rule lets it.
    async fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// The offset at which it is visible; of a repeat, that of the first time. Null for a dry run.
    async fn offset(&self) -> Option<Offset> {
        self.receipt.as_ref().map(|receipt| Offset(receipt.offset))
    }

    /// Claims that it added: the fact, and that the assets which it names exist. Null for a dry run.
    async fn added_count(&self) -> Option<i32> {
        let receipt = self.receipt.as_ref();
        receipt.map(|receipt| int(receipt.added_count))
    }

    /// Claims that it ended. Null for a dry run.
    async fn removed_count(&self) -> Option<i32> {
        let receipt = self.receipt.as_ref();
        receipt.map(|receipt| int(receipt.removed_count))
    }

    /// Null if it is new and this is a dry run.
    async fn source(&self, ctx: &Context<'_>) -> Option<Source> {
        let source = scope(ctx).view.source(&self.plan.submission.source);
        source.map(Source::from)
    }

    /// What the fact is about; of an edge, where data goes. Null if it is new and this is a dry run.
    async fn asset(&self, ctx: &Context<'_>) -> Result<Option<Asset>> {
        let scope = scope(ctx);
        let found = scope.view.by_name(&self.plan.on).map_err(ask_error)?;
        found.map(|index| Asset::new(scope, index)).transpose()
    }
}

not_quick!(ManualChange);

/// Writes go through the engine of the request.
pub(crate) struct Writes {
    pub(crate) engine: std::sync::Arc<headwater_engine::Engine>,
    pub(crate) received_at: Timestamp,
}

/// Facts that people assert by hand, and take back. Each is refused over GET, and visible to every question that
/// begins after its answer. `author` is who says so (at most 256 bytes), `reason` why (at most 2,048 bytes), as history
/// shows them; `dryRun` only tells what would change.
#[derive(Default)]
pub(crate) struct ManualFacts;

#[Object]
impl ManualFacts {
    /// Data flows from one asset to another: READS, WRITES, DERIVES or FOLLOWS, as their kinds have it; between fields
    /// if either end names one. `via` is the job that does it, between datasets or fields. An end that is an object may
    /// name what nobody has named yet.
    async fn assert_edge(
        &self,
        ctx: &Context<'_>,
        from: Reference,
        to: Reference,
        via: Option<Reference>,
        source: ManualSource,
        author: String,
        reason: String,
        #[graphql(default = false)] dry_run: bool,
    ) -> Result<ManualChange> {
        said(
            ctx,
            edge(from, to, via),
            (source, author, reason, dry_run),
            false,
        )
    }

    /// Takes back what assertEdge asserted. What other sources say of the edge goes on.
    async fn retract_edge(
        &self,
        ctx: &Context<'_>,
        from: Reference,
        to: Reference,
        via: Option<Reference>,
        source: ManualSource,
        author: String,
        reason: String,
        #[graphql(default = false)] dry_run: bool,
    ) -> Result<ManualChange> {
        said(
            ctx,
            edge(from, to, via),
            (source, author, reason, dry_run),
            true,
        )
    }

    /// Two names mean one asset. Two datasets that are both declared stay two: these only a rule of identity merges.
    async fn assert_alias(
        &self,
        ctx: &Context<'_>,
        of: Reference,
        alias: Reference,
        source: ManualSource,
        author: String,
        reason: String,
        #[graphql(default = false)] dry_run: bool,
    ) -> Result<ManualChange> {
        said(
            ctx,
            alias_of(of, alias),
            (source, author, reason, dry_run),
            false,
        )
    }

    /// Takes back what assertAlias asserted.
    async fn retract_alias(
        &self,
        ctx: &Context<'_>,
        of: Reference,
        alias: Reference,
        source: ManualSource,
        author: String,
        reason: String,
        #[graphql(default = false)] dry_run: bool,
    ) -> Result<ManualChange> {
        said(
            ctx,
            alias_of(of, alias),
            (source, author, reason, dry_run),
            true,
        )
    }

    /// Somebody owns an asset, as what if type says so.
    async fn assert_owner(
        &self,
        ctx: &Context<'_>,
        of: Reference,
        name: String,
        #[graphql(name = "type")] kind: Option<String>,
        source: ManualSource,
        author: String,
        reason: String,
        #[graphql(default = false)] dry_run: bool,
    ) -> Result<ManualChange> {
        said(
            ctx,
            owner(of, name, kind),
            (source, author, reason, dry_run),
            false,
        )
    }

    /// Takes back what assertOwner asserted.
    async fn retract_owner(
        &self,
        ctx: &Context<'_>,
        of: Reference,
        name: String,
        #[graphql(name = "type")] kind: Option<String>,
        source: ManualSource,
        author: String,
        reason: String,
        #[graphql(default = false)] dry_run: bool,
    ) -> Result<ManualChange> {
        said(
            ctx,
            owner(of, name, kind),
            (source, author, reason, dry_run),
            true,
        )
    }

    /// An asset or a field has a tag.
    async fn assert_tag(
        &self,
        ctx: &Context<'_>,
        of: Reference,
        name: String,
        value: Option<String>,
        source: ManualSource,
        author: String,
        reason: String,
        #[graphql(default = false)] dry_run: bool,
    ) -> Result<ManualChange> {
        said(
            ctx,
            tag(of, name, value),
            (source, author, reason, dry_run),
            false,
        )
    }

    /// Takes back what assertTag asserted.
    async fn retract_tag(
        &self,
        ctx: &Context<'_>,
        of: Reference,
        name: String,
        value: Option<String>,
        source: ManualSource,
        author: String,
        reason: String,
        #[graphql(default = false)] dry_run: bool,
    ) -> Result<ManualChange> {
        said(
            ctx,
            tag(of, name, value),
            (source, author, reason, dry_run),
            true,
        )
    }

    /// What there is to say of an asset; it counts more than what any tool says. Of several the newest counts.
    async fn assert_description(
        &self,
        ctx: &Context<'_>,
        of: Reference,
        text: String,
        source: ManualSource,
        author: String,
        reason: String,
        #[graphql(default = false)] dry_run: bool,
    ) -> Result<ManualChange> {
        said(
            ctx,
            description(of, text),
            (source, author, reason, dry_run),
            false,
        )
    }

    /// Takes back what assertDescription asserted.
    async fn retract_description(
        &self,
        ctx: &Context<'_>,
        of: Reference,
        text: String,
        source: ManualSource,
        author: String,
        reason: String,
        #[graphql(default = false)] dry_run: bool,
    ) -> Result<ManualChange> {
        said(
            ctx,
            description(of, text),
            (source, author, reason, dry_run),
            true,
        )
    }
}

fn edge(from: Reference, to: Reference, via: Option<Reference>) -> ManualFact {
    ManualFact::Edge {
        from: from.0,
        to: to.0,
        via: via.map(|via| via.0),
    }
}

fn alias_of(of: Reference, alias: Reference) -> ManualFact {
    ManualFact::Alias {
        of: of.0,
        alias: alias.0,
    }
}

fn owner(of: Reference, name: String, r#type: Option<String>) -> ManualFact {
    ManualFact::Owner {
        of: of.0,
        name,
        r#type,
    }
}

fn tag(of: Reference, name: String, value: Option<String>) -> ManualFact {
    ManualFact::Tag {
        of: of.0,
        name,
        value,
    }
}

fn description(of: Reference, text: String) -> ManualFact {
    ManualFact::Description { of: of.0, text }
}

fn said(
    ctx: &Context<'_>,
    fact: ManualFact,
    (source, author, reason, is_dry_run): Speaker,
    is_retraction: bool,
) -> Result<ManualChange> {
    let writes = ctx.data_unchecked::<Writes>();
    let ManualSource { domain, name } = &source;
    let domain = DomainName::parse(domain).map_err(|error| invalid(format!("domain {error}")))?;
    let name = SourceName::parse(name).map_err(|error| invalid(format!("name {error}")))?;
    let question = ManualQuestion {
        source: SourceKey::new(domain, name),
        fact,
        is_retraction,
        author,
        reason,
    };
    let newest = || -> View { writes.engine.view(Caller::everyone()) };
    let plan = newest()
        .plan_manual(&question, writes.received_at)
        .map_err(ask_error)?;
    let receipt = if is_dry_run {
        None
    } else {
        let submitted = writes.engine.submit_and_wait(plan.submission.clone());
        Some(submitted.map_err(|failure| submit_error(&failure))?)
    };
    let view = newest();
    let warning = view
        .why_without_effect(&plan, receipt.is_some())
        .map_err(ask_error)?;
    scope_showing(ctx, &view);
    Ok(ManualChange {
        plan,
        receipt,
        warning,
    })
}

fn submit_error(failure: &SubmitError) -> async_graphql::Error {
    let message = failure.to_string();
    match failure {
        SubmitError::Busy { .. } | SubmitError::DiskFull { .. } | SubmitError::Closed { .. } => {
            error(Code::Busy, message)
        }
        SubmitError::NotAsserted { .. } => error(Code::NotFound, message),
        SubmitError::Invalid(_) => invalid(message),
        SubmitError::Rewrite(_) => internal(&message),
    }
}
