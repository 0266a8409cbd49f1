//! Datasets and their facets.

use std::collections::BTreeSet;

use headwater_model::{
    AliasFact, AssetName, AttributeFact, AttributeKey, DatasetFact, FacetFact, FacetName,
    FieldFact, FieldName, QualifiedName, Severity, Text, TypeName,
};
use serde_json::value::RawValue;

use crate::credentials::without_user_info;
use crate::error::{EventError, EventRule, quoted};
use crate::event::{Reader, name_error, qualified};
use crate::facets::{
    AnyFacet, DatasetTypeFacet, DocumentationFacet, FieldItem, OwnershipFacet, SchemaFacet,
    SymlinksFacet, TagsFacet, is_deleted, look,
};
use crate::node::{Node, TextOf};
use crate::pointer::Place;
use crate::wire::{DatasetRecord, FacetsOf};

/// What facets of jobs and datasets are that are not as specified.
pub(crate) const KEPT: &str = "the facet is kept verbatim";

/// Which part a dataset has in an event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The DatasetEvent is about it.
    Subject,
    /// The job writes it.
    Output,
    /// The job reads it.
    Input,
}

/// How an event speaks of a dataset.
#[derive(Clone, Copy)]
pub(crate) struct Role<'a> {
    /// What it is in the event.
    pub(crate) part: Part,
    /// The job that makes it, if the event says.
    pub(crate) via: Option<&'a QualifiedName>,
}

/// Whether the column lineage of a dataset counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Columns {
    /// No explicit lineage speaks for the dataset.
    Counted,
    /// Explicit lineage says what it is made of.
    Settled,
    /// Explicit lineage says all there is, and does not name it.
    Overruled,
}

impl<'de> Reader<'de> {
    /// Reads a dataset and states it.
    pub(crate) fn dataset(
        &mut self,
        record: &DatasetRecord<'de>,
        role: Role<'_>,
        at: &Place<'_>,
    ) -> Result<QualifiedName, EventError> {
        let (name, _) = self.dataset_name(&record.namespace, &record.name, at)?;
        let on = name.clone().dataset();
        let mut fact = mentioned(name.clone());
        fact.is_declared = role.part != Part::Input;
        let at = at.key("facets");
        let facets = self.facets(&record.facets, &at)?;
        let columns = self.explicit_lineage(&name, role, facets, &at)?;
        for (facet, raw) in facets {
            let at = at.key(facet);
            if &**facet == "lineage" || self.states_nothing(raw, &at)? {
                continue;
            }
            self.begin(KEPT);
            let is_known = match &**facet {
                "schema" => self.schema(&mut fact, raw, &at).map(|()| true),
                "documentation" => self
                    .documentation(raw, &at)
                    .map(|text| fact.description = text)
                    .map(|()| true),
                "datasetType" => self.dataset_type(&mut fact, raw, &at).map(|()| true),
                "ownership" => self.ownership(&on, raw, &at).map(|()| true),
                "tags" => self.tags(&on, raw, &at).map(|()| true),
                "symlinks" => self.symlinks(&name, raw, &at).map(|()| true),
                "columnLineage" => match columns {
                    Columns::Counted => self
                        .column_lineage(&name, role.via, raw, &at)
                        .map(|()| true),
                    Columns::Settled => Ok(true),
                    Columns::Overruled => {
                        self.overrules_column_lineage(&at);
                        Ok(true)
                    }
                },
                _ => Ok(false),
            }?;
            if !is_known || !self.is_understood {
                self.keep(&on, facet, raw, is_known, &at)?;
            }
        }
        self.facts.datasets.push(fact);
        Ok(name)
    }

    /// Reads the `lineage` facet of a dataset, and says whether its `columnLineage` counts.
    fn explicit_lineage(
        &mut self,
        name: &QualifiedName,
        role: Role<'_>,
        facets: &[(TextOf<'de>, &'de RawValue)],
        at: &Place<'_>,
    ) -> Result<Columns, EventError> {
        let mut columns = Columns::Counted;
        if self.explicit.datasets.contains(name) {
            columns = Columns::Settled;
        } else if self.explicit.is_complete && role.part == Part::Output {
            columns = Columns::Overruled;
        }
        let found = facets.iter().find(|(facet, _)| facet == "lineage");
        let Some((facet, raw)) = found else {
            return Ok(columns);
        };
        let at = at.key(facet);
        if self.states_nothing(raw, &at)? {
            return Ok(columns);
        }
        self.begin(KEPT);
        let on = name.clone().dataset();
        if role.part != Part::Subject {
            if self.explicit.is_complete || columns == Columns::Settled {
                self.misplaced_lineage(
                    "the job's facet counts, and this one is kept verbatim",
                    &at,
                )?;
                self.keep(&on, facet, raw, true, &at)?;
                return Ok(columns);
            }
            self.misplaced_lineage("read all the same", &at)?;
        }
        if self.dataset_lineage(name, role.via, raw, &at)? {
            columns = Columns::Settled;
            if role.via.is_some() {
                self.explicit.datasets.insert(name.clone());
            }
        }
        if !self.is_understood || self.says_more {
            self.keep(&on, facet, raw, true, &at)?;
        }
        Ok(columns)
    }

    /// The facets of something, in the order of their names.
    pub(crate) fn facets<'n>(
        &mut self,
        node: &'n Node<FacetsOf<'de>>,
        at: &Place<'_>,
    ) -> Result<&'n [(TextOf<'de>, &'de RawValue)], EventError> {
        match node {
            Node::Null => self.tolerate_null("an object", at)?,
            node => {
                if let Err(fault) = node.optional(at) {
                    self.findings
                        .tolerate("openlineage/facet", fault, "left out")?;
                }
            }
        }
        Ok(node.value().map_or(&[], |facets| facets.0.as_slice()))
    }

    /// Starts the reading of a facet.
    pub(crate) fn begin(&mut self, done: &'static str) {
        self.is_understood = true;
        self.says_more = false;
        self.done = done;
    }

    /// True if the facet is null or deleted.
    pub(crate) fn states_nothing(
        &mut self,
        raw: &'de RawValue,
        at: &Place<'_>,
    ) -> Result<bool, EventError> {
        if raw.get() == "null" {
            self.tolerate_null("an object", at)?;
            return Ok(true);
        }
        Ok(is_deleted(raw))
    }

    /// Keeps a facet verbatim, but for credentials.
    pub(crate) fn keep(
        &mut self,
        on: &AssetName,
        facet: &str,
        raw: &'de RawValue,
        is_known: bool,
        at: &Place<'_>,
    ) -> Result<(), EventError> {
        if !is_known && !raw.get().starts_with('{') {
            self.take(look::<AnyFacet<'_>>(raw).required(at).map(|_| ()))?;
        }
        let name = match FacetName::parse(facet) {
            Ok(name) => name,
            Err(rule) => {
                let fault = name_error(at, facet, rule);
                let done = "left out; the body keeps it";
                return self.findings.tolerate("openlineage/facet", fault, done);
            }
        };
        let json = match facet {
            "dataSource" => without_user_info(raw.get()),
            _ => None,
        };
        let json = match json {
            None => Text::from(raw.get()),
            Some(clean) => {
                let json = Text::from(&*clean);
                self.redactions.push((raw.get(), clean));
                json
            }
        };
        let on = on.clone();
        self.facts.facets.push(FacetFact { on, name, json });
        Ok(())
    }

    /// The description that a `documentation` facet states.
    pub(crate) fn documentation(
        &mut self,
        raw: &'de RawValue,
        at: &Place<'_>,
    ) -> Result<Option<Text>, EventError> {
        let node = look::<DocumentationFacet<'_>>(raw);
        let Some(facet) = self.take(node.required(at))? else {
            return Ok(None);
        };
        let text = self.take(facet.description.required(&at.key("description")))?;
        Ok(said(text))
    }

    fn dataset_type(
        &mut self,
        dataset: &mut DatasetFact,
        raw: &'de RawValue,
        at: &Place<'_>,
    ) -> Result<(), EventError> {
        let node = look::<DatasetTypeFacet<'_>>(raw);
        let Some(facet) = self.take(node.required(at))? else {
            return Ok(());
        };
        let type_at = at.key("datasetType");
        let text = facet.dataset_type.required(&type_at);
        let parsed = text.and_then(|text| {
            TypeName::parse(&text.to_uppercase()).map_err(|rule| name_error(&type_at, text, rule))
        });
        if let Some(r#type) = self.take(parsed)? {
            dataset.r#type = r#type;
        }
        let sub_type = self.take(facet.sub_type.optional(&at.key("subType")))?;
        if let Some(sub_type) = said(sub_type.flatten()) {
            let on = dataset.name.clone().dataset();
            self.state(&on, None, "sub-type", sub_type, at)?;
        }
        Ok(())
    }

    fn schema(
        &mut self,
        dataset: &mut DatasetFact,
        raw: &'de RawValue,
        at: &Place<'_>,
    ) -> Result<(), EventError> {
        let node = look::<SchemaFacet<'_>>(raw);
        let Some(facet) = self.take(node.required(at))? else {
            return Ok(());
        };
        let at = at.key("fields");
        // The specification does not require the list: a dataset may have no fields.
        if let Some(Some(items)) = self.take(facet.fields.optional(&at))? {
            dataset.fields.reserve(items.len());
            let mut seen = BTreeSet::new();
            self.fields(&mut dataset.fields, &mut seen, items, "", &at)?;
        }
        Ok(())
    }

    fn fields(
        &mut self,
        fields: &mut Vec<FieldFact>,
        seen: &mut BTreeSet<FieldName>,
        items: &[Node<FieldItem<'_>>],
        prefix: &str,
        at: &Place<'_>,
    ) -> Result<(), EventError> {
        for (index, node) in items.iter().enumerate() {
            let at = at.index(index);
            let Some(item) = self.take(node.required(&at))? else {
                continue;
            };
            let name_at = at.key("name");
            let parsed = item.name.required(&name_at).and_then(|text| {
                // An empty part would not show in a joined name.
                let part = field_name(text, &name_at)?;
                if prefix.is_empty() {
                    return Ok(part);
                }
                field_name(&format!("{prefix}.{text}"), &name_at)
            });
            let Some(name) = self.take(parsed)? else {
                continue;
            };
            let r#type = self.take(item.r#type.optional(&at.key("type")))?;
            let description = self.take(item.description.optional(&at.key("description")))?;
            if seen.insert(name.clone()) {
                fields.push(FieldFact {
                    name: name.clone(),
                    r#type: said(r#type.flatten()),
                    description: said(description.flatten()),
                });
            } else {
                let expected = "a name that no other field has";
                let found = quoted(name.as_str());
                let fault = EventError::new(&name_at, EventRule::Wrong { expected, found });
                let code = "openlineage/field-twice";
                self.findings
                    .note(Severity::Info, code, &fault, "the first counts");
            }
            let nested_at = at.key("fields");
            if let Some(Some(nested)) = self.take(item.fields.optional(&nested_at))? {
                self.fields(fields, seen, nested, name.as_str(), &nested_at)?;
            }
        }
        Ok(())
    }

    fn symlinks(
        &mut self,
        dataset: &QualifiedName,
        raw: &'de RawValue,
        at: &Place<'_>,
    ) -> Result<(), EventError> {
        let node = look::<SymlinksFacet<'_>>(raw);
        let Some(facet) = self.take(node.required(at))? else {
            return Ok(());
        };
        let at = at.key("identifiers");
        let items = self.take(facet.identifiers.optional(&at))?.flatten();
        for (index, node) in items.into_iter().flatten().enumerate() {
            let at = at.index(index);
            let Some(item) = self.take(node.required(&at))? else {
                continue;
            };
            let alias = qualified(&item.namespace, &item.name, &at);
            let Some(alias) = self.take(alias)?.filter(|alias| alias != dataset) else {
                continue;
            };
            let reason = match said(self.take(item.r#type.required(&at.key("type")))?) {
                Some(r#type) => format!("OpenLineage symlink ({type})"),
                None => "OpenLineage symlink".to_owned(),
            };
            self.facts.aliases.push(AliasFact {
                of: dataset.clone().dataset(),
                alias,
                reason: reason.into(),
                evidence: None,
            });
        }
        Ok(())
    }

    /// States the owners of an `ownership` facet.
    pub(crate) fn ownership(
        &mut self,
        on: &AssetName,
        raw: &'de RawValue,
        at: &Place<'_>,
    ) -> Result<(), EventError> {
        let node = look::<OwnershipFacet<'_>>(raw);
        let Some(facet) = self.take(node.required(at))? else {
            return Ok(());
        };
        let at = at.key("owners");
        let items = self.take(facet.owners.optional(&at))?.flatten();
        for (index, node) in items.into_iter().flatten().enumerate() {
            let at = at.index(index);
            let Some(item) = self.take(node.required(&at))? else {
                continue;
            };
            let Some(name) = self.take(filled(&item.name, &at.key("name")))? else {
                continue;
            };
            let type_at = at.key("type");
            match said(self.take(item.r#type.optional(&type_at))?.flatten()) {
                None => self.state(on, None, "owner", name, &at)?,
                Some(r#type) => {
                    self.state(on, None, &format!("owner.{type}"), name, &type_at)?;
                }
            }
        }
        Ok(())
    }

    /// States the tags of a `tags` facet.
    pub(crate) fn tags(
        &mut self,
        on: &AssetName,
        raw: &'de RawValue,
        at: &Place<'_>,
    ) -> Result<(), EventError> {
        let node = look::<TagsFacet<'_>>(raw);
        let Some(facet) = self.take(node.required(at))? else {
            return Ok(());
        };
        let at = at.key("tags");
        let items = self.take(facet.tags.optional(&at))?.flatten();
        for (index, node) in items.into_iter().flatten().enumerate() {
            let at = at.index(index);
            let Some(item) = self.take(node.required(&at))? else {
                continue;
            };
            let Some(key) = self.take(filled(&item.key, &at.key("key")))? else {
                continue;
            };
            let value = said(self.take(item.value.optional(&at.key("value")))?.flatten());
            let tag = match value {
                Some(value) if value != key && &*value != "true" => format!("{key}={value}").into(),
                _ => key,
            };
            let field_at = at.key("field");
            let field = match said(self.take(item.field.optional(&field_at))?.flatten()) {
                None => None,
                // A tag whose field has no name is not stated of the whole dataset instead.
                Some(field) => match self.take(field_name(&field, &field_at))? {
                    None => continue,
                    field => field,
                },
            };
            self.state(on, field, "tag", tag, &at)?;
        }
        Ok(())
    }

    fn state(
        &mut self,
        on: &AssetName,
        field: Option<FieldName>,
        key: &str,
        value: Text,
        at: &Place<'_>,
    ) -> Result<(), EventError> {
        let parsed = AttributeKey::parse(key).map_err(|rule| name_error(at, key, rule));
        if let Some(key) = self.take(parsed)? {
            let on = on.clone();
            self.facts.attributes.push(AttributeFact {
                on,
                field,
                key,
                value,
            });
        }
        Ok(())
    }
}

/// A dataset of which no more is known than its name.
pub(crate) fn mentioned(name: QualifiedName) -> DatasetFact {
    DatasetFact {
        name,
        r#type: TypeName::dataset(),
        is_declared: false,
        description: None,
        fields: Vec::new(),
        evidence: None,
    }
}

/// `text` as the name of a field.
pub(crate) fn field_name(text: &str, at: &Place<'_>) -> Result<FieldName, EventError> {
    FieldName::parse(text).map_err(|rule| name_error(at, text, rule))
}

/// A text that says something.
pub(crate) fn said(text: Option<&TextOf<'_>>) -> Option<Text> {
    text.filter(|text| !text.is_empty())
        .map(|text| Text::from(&**text))
}

/// A text that has to say something.
fn filled(node: &Node<TextOf<'_>>, at: &Place<'_>) -> Result<Text, EventError> {
    let text = node.required(at)?;
    said(Some(text)).ok_or_else(|| {
        let (expected, found) = ("a text that is not empty", quoted(text));
        EventError::new(at, EventRule::Wrong { expected, found })
    })
}
