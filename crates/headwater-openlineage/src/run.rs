//! Runs and their facets.

use headwater_model::{QualifiedName, RunDetails, RunId, Text};
use serde_json::value::RawValue;

use crate::credentials::without_user_info;
use crate::dataset::said;
use crate::error::EventError;
use crate::event::{Reader, name_error, qualified};
use crate::facets::{
    AirflowFacet, ErrorMessageFacet, NominalTimeFacet, ParentFacet, SparkApplicationFacet, look,
};
use crate::node::{Node, TextOf};
use crate::pointer::Place;
use crate::wire::FacetsOf;

impl<'de> Reader<'de> {
    /// What the facets of a run say, and the job of its parent run.
    pub(crate) fn run_details(
        &mut self,
        facets: &Node<FacetsOf<'de>>,
        at: &Place<'_>,
    ) -> Result<(RunDetails, Option<QualifiedName>), EventError> {
        let mut details = RunDetails::default();
        let mut parent = None;
        for (facet, raw) in self.facets(facets, at)? {
            let at = at.key(facet);
            let name = &**facet;
            let is_read = matches!(
                name,
                "nominalTime" | "parent" | "errorMessage" | "airflow" | "spark_applicationDetails"
            );
            if !is_read || self.states_nothing(raw, &at)? {
                continue;
            }
            self.begin("left out");
            match name {
                "nominalTime" => self.nominal_time(&mut details, raw, &at)?,
                "parent" => parent = self.parent(&mut details, raw, &at)?,
                "errorMessage" => {
                    let node = look::<ErrorMessageFacet<'_>>(raw);
                    if let Some(facet) = self.take(node.required(&at))? {
                        let message = facet.message.required(&at.key("message"));
                        details.error = said(self.take(message)?);
                    }
                }
                // Whoever writes these two facets changes them at will, so another shape is no fault.
                "airflow" => {
                    if let Node::Is(facet) = look::<AirflowFacet<'_>>(raw)
                        && let Some(task) = facet.task_instance.value()
                    {
                        details.url = details.url.or(web_url(&task.log_url));
                    }
                }
                _ => {
                    if let Node::Is(facet) = look::<SparkApplicationFacet<'_>>(raw) {
                        details.url = details.url.or(web_url(&facet.ui_web_url));
                    }
                }
            }
        }
        Ok((details, parent))
    }

    fn nominal_time(
        &mut self,
        details: &mut RunDetails,
        raw: &'de RawValue,
        at: &Place<'_>,
    ) -> Result<(), EventError> {
        let node = look::<NominalTimeFacet<'_>>(raw);
        let Some(facet) = self.take(node.required(at))? else {
            return Ok(());
        };
        let start_at = at.key("nominalStartTime");
        if let Some(text) = self.take(facet.start.required(&start_at))? {
            let time = self.time(text, &start_at);
            details.nominal_start = self.take(time)?;
        }
        let end_at = at.key("nominalEndTime");
        if let Some(text) = self.take(facet.end.optional(&end_at))?.flatten() {
            let time = self.time(text, &end_at);
            details.nominal_end = self.take(time)?;
        }
        Ok(())
    }

    fn parent(
        &mut self,
        details: &mut RunDetails,
        raw: &'de RawValue,
        at: &Place<'_>,
    ) -> Result<Option<QualifiedName>, EventError> {
        let node = look::<ParentFacet<'_>>(raw);
        let Some(facet) = self.take(node.required(at))? else {
            return Ok(None);
        };
        let job_at = at.key("job");
        let job = facet
            .job
            .required(&job_at)
            .and_then(|job| qualified(&job.namespace, &job.name, &job_at));
        let job = self.take(job)?;
        let run_at = at.key("run");
        let id_at = run_at.key("runId");
        let run = facet.run.required(&run_at).and_then(|run| {
            let text = run.run_id.required(&id_at)?;
            RunId::parse(text).map_err(|rule| name_error(&id_at, text, rule))
        });
        let run = self.take(run)?;
        details.parent = job.clone().zip(run);
        Ok(job)
    }
}

/// A link that a person can follow.
fn web_url(node: &Node<TextOf<'_>>) -> Option<Text> {
    let text = node.value()?;
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    is_web.then(|| without_user_info(text).map_or_else(|| Text::from(&**text), Text::from))
}
