//! Who mentions a dataset, and what a job is made of.

use async_graphql::{Context, Object, Result};
use headwater_engine::{JobPart as Part, Mention as MentionView};

use crate::dataset::Dataset;
use crate::domain::Domain;
use crate::job::Job;
use crate::scope::scope;
use crate::source::Source;

/// Sources and jobs of a mention that are reckoned with.
pub(crate) const MENTIONS: usize = 5;

/// A domain that mentions a dataset: who in it does.
pub(crate) struct Mention(pub(crate) MentionView);

/// A domain that mentions a dataset: who in it does.
#[Object]
impl Mention {
    async fn domain(&self) -> Domain {
        Domain(self.0.domain.clone())
    }

    /// Sources of the domain that name the dataset.
    async fn sources(&self, ctx: &Context<'_>) -> Result<Vec<Source>> {
        let scope = scope(ctx);
        let sources = self.0.sources.iter();
        sources.map(|number| Source::new(scope, *number)).collect()
    }

    /// Jobs of the domain that read or write it; at most 50.
    async fn jobs(&self) -> Vec<Job> {
        self.0.jobs.iter().map(|job| Job::new(*job)).collect()
    }
}

/// One of the names that are one job: clients report parts of it, or ways to run it, under names of their own.
pub(crate) struct JobPart(pub(crate) Part);

/// One of the names that are one job: clients report parts of it, or ways to run it, under names of their own.
#[Object]
impl JobPart {
    async fn namespace(&self) -> &str {
        &self.0.namespace
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The rule that folds it, in words; null for the name that stands for the job.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// What it reads under that name.
    async fn inputs(&self) -> Vec<Dataset> {
        self.0.inputs.iter().map(|of| Dataset::new(*of)).collect()
    }

    /// What it writes under that name.
    async fn outputs(&self) -> Vec<Dataset> {
        self.0.outputs.iter().map(|of| Dataset::new(*of)).collect()
    }
}
