//! Jobs and their facets.

use headwater_model::{Digest, JobFact, QualifiedName, Text, TypeName};
use serde_json::value::RawValue;

use crate::dataset::{KEPT, said};
use crate::error::EventError;
use crate::event::{Reader, name_error};
use crate::facets::{JobTypeFacet, SqlFacet, content, look};
use crate::node::Node;
use crate::pointer::Place;
use crate::wire::{FacetsOf, JobRecord};

/// The parts of a job's definition, in a fixed order.
#[derive(Default)]
struct Definition<'de> {
    sql: Option<Text>,
    source_code: Option<&'de RawValue>,
    source_code_location: Option<&'de RawValue>,
}

impl<'de> Reader<'de> {
    /// Reads a job and states it; returns the digest of its definition, if it is told.
    pub(crate) fn job(
        &mut self,
        record: &JobRecord<'de>,
        name: &QualifiedName,
        parent: Option<QualifiedName>,
        at: &Place<'_>,
    ) -> Result<Option<Digest>, EventError> {
        let on = name.clone().job();
        let mut fact = JobFact {
            name: name.clone(),
            r#type: TypeName::job(),
            description: None,
            sql: None,
            parent,
            evidence: None,
        };
        let mut definition = Definition::default();
        let at = at.key("facets");
        for (facet, raw) in self.facets(&record.facets, &at)? {
            let at = at.key(facet);
            if self.states_nothing(raw, &at)? {
                continue;
            }
            self.begin(KEPT);
            let mut is_known = true;
            match &**facet {
                "jobType" => match self.job_type(raw, &at)? {
                    Some(r#type) => fact.r#type = r#type,
                    // What else the facet says is not read.
                    None => self.is_understood = false,
                },
                "documentation" => fact.description = self.documentation(raw, &at)?,
                "sql" => {
                    fact.sql = self.sql(raw, &at)?;
                    definition.sql.clone_from(&fact.sql);
                }
                "ownership" => self.ownership(&on, raw, &at)?,
                "tags" => self.tags(&on, raw, &at)?,
                "lineage" => self.job_lineage(name, raw, &at)?,
                "sourceCode" => {
                    definition.source_code = Some(raw);
                    is_known = false;
                }
                "sourceCodeLocation" => {
                    definition.source_code_location = Some(raw);
                    is_known = false;
                }
                _ => is_known = false,
            }
            if !is_known || !self.is_understood || self.says_more {
                self.keep(&on, facet, raw, is_known, &at)?;
            }
        }
        self.facts.jobs.push(fact);
        Ok(definition.digest())
    }

    fn job_type(
        &mut self,
        raw: &'de RawValue,
        at: &Place<'_>,
    ) -> Result<Option<TypeName>, EventError> {
        let node = look::<JobTypeFacet<'_>>(raw);
        let Some(facet) = self.take(node.required(at))? else {
            return Ok(None);
        };
        let at = at.key("jobType");
        let text = self.take(facet.job_type.optional(&at))?.flatten();
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let parsed =
            TypeName::parse(&text.to_uppercase()).map_err(|rule| name_error(&at, text, rule));
        self.take(parsed)
    }

    fn sql(&mut self, raw: &'de RawValue, at: &Place<'_>) -> Result<Option<Text>, EventError> {
        let node = look::<SqlFacet<'_>>(raw);
        let Some(facet) = self.take(node.required(at))? else {
            return Ok(None);
        };
        let query = self.take(facet.query.required(&at.key("query")))?;
        Ok(said(query))
    }
}

impl Definition<'_> {
    /// A digest that does not depend on the order of keys, nor on who sent the facets; none if there are none.
    fn digest(&self) -> Option<Digest> {
        let mut parts: Vec<Vec<u8>> = Vec::new();
        if let Some(sql) = &self.sql {
            parts.push(b"sql".to_vec());
            parts.push(sql.as_bytes().to_vec());
        }
        let facets = [
            ("sourceCode", self.source_code),
            ("sourceCodeLocation", self.source_code_location),
        ];
        for (name, raw) in facets {
            let Some(Node::Is(facet)) = raw.map(look::<FacetsOf<'_>>) else {
                continue;
            };
            let said = facet.0.iter().filter(|(key, _)| !key.starts_with('_'));
            parts.push(name.as_bytes().to_vec());
            parts.push(said.clone().count().to_be_bytes().to_vec());
            for (key, value) in said {
                parts.push(key.as_bytes().to_vec());
                parts.push(content(value).as_bytes().to_vec());
            }
        }
        if parts.is_empty() {
            return None;
        }
        Some(Digest::of_parts(parts.iter().map(Vec::as_slice)))
    }
}
