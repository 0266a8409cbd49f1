//! Column lineage.

use headwater_model::{EdgeFact, FieldEdgeFact, FieldEnd, QualifiedName, Text, Transformation};
use serde_json::value::RawValue;

use crate::dataset::{field_name, mentioned, said};
use crate::error::{EventError, EventRule, quoted};
use crate::event::Reader;
use crate::facets::{
    ColumnLineageFacet, InputFieldItem, OutputFieldItem, TransformationItem, look,
};
use crate::node::Node;
use crate::pointer::Place;

/// Where a `columnLineage` facet points to.
#[derive(Clone, Copy)]
struct Target<'a> {
    end: &'a FieldEnd,
    via: Option<&'a QualifiedName>,
    /// What versions before 1-1-0 say for all input fields of an output field.
    older: Option<&'a Transformation>,
}

impl<'de> Reader<'de> {
    /// States what a `columnLineage` facet says of how `dataset` is made.
    pub(crate) fn column_lineage(
        &mut self,
        dataset: &QualifiedName,
        via: Option<&QualifiedName>,
        raw: &'de RawValue,
        at: &Place<'_>,
    ) -> Result<(), EventError> {
        let node = look::<ColumnLineageFacet<'de>>(raw);
        let Some(facet) = self.take(node.required(at))? else {
            return Ok(());
        };
        let fields_at = at.key("fields");
        let fields = self.take(facet.fields.required(&fields_at))?;
        for (name, node) in fields.into_iter().flat_map(|fields| &fields.0) {
            let at = fields_at.key(name);
            let Some(field) = self.take(field_name(name, &at))? else {
                continue;
            };
            let Some(item) = self.take(node.required(&at))? else {
                continue;
            };
            let older = self.older_transformation(item, &at)?;
            let target = Target {
                end: &FieldEnd {
                    dataset: dataset.clone(),
                    field: Some(field),
                },
                via,
                older: older.as_ref(),
            };
            self.input_fields(&item.input_fields, target, true, &at.key("inputFields"))?;
        }
        let target = Target {
            end: &FieldEnd {
                dataset: dataset.clone(),
                field: None,
            },
            via,
            older: None,
        };
        self.input_fields(&facet.dataset, target, false, &at.key("dataset"))
    }

    fn input_fields(
        &mut self,
        node: &Node<Vec<Node<InputFieldItem<'de>>>>,
        target: Target<'_>,
        is_required: bool,
        at: &Place<'_>,
    ) -> Result<(), EventError> {
        let items = if is_required {
            self.take(node.required(at))?
        } else {
            self.take(node.optional(at))?.flatten()
        };
        for (index, node) in items.into_iter().flatten().enumerate() {
            let at = at.index(index);
            if let Some(item) = self.take(node.required(&at))? {
                self.input_field(item, target, &at)?;
            }
        }
        Ok(())
    }

    fn input_field(
        &mut self,
        item: &InputFieldItem<'de>,
        target: Target<'_>,
        at: &Place<'_>,
    ) -> Result<(), EventError> {
        let named = self.dataset_name(&item.namespace, &item.name, at);
        let Some((dataset, is_new)) = self.take(named)? else {
            return Ok(());
        };
        if is_new {
            self.facts.datasets.push(mentioned(dataset.clone()));
        }
        let field_at = at.key("field");
        let parsed = item.field.required(&field_at);
        // Without a field's name, the whole dataset is what is known.
        let field = self.take(parsed.and_then(|text| field_name(text, &field_at)))?;
        let transformations = self.transformations(&item.transformations, target.older, at)?;
        self.facts.edges.push(EdgeFact {
            from: dataset.clone().dataset(),
            to: target.end.dataset.clone().dataset(),
            via: target.via.cloned(),
            evidence: None,
        });
        self.facts.field_edges.push(FieldEdgeFact {
            from: FieldEnd { dataset, field },
            to: target.end.clone(),
            via: target.via.cloned(),
            transformations,
            evidence: None,
        });
        Ok(())
    }

    /// How data goes in; `older` is what counts if nothing is said.
    pub(crate) fn transformations(
        &mut self,
        node: &Node<Vec<Node<TransformationItem<'_>>>>,
        older: Option<&Transformation>,
        at: &Place<'_>,
    ) -> Result<Vec<Transformation>, EventError> {
        let at = at.key("transformations");
        let list = self.take(node.optional(&at))?.flatten();
        let Some(list) = list.filter(|list| !list.is_empty()) else {
            return Ok(older.cloned().into_iter().collect());
        };
        let mut transformations = Vec::with_capacity(list.len());
        for (index, node) in list.iter().enumerate() {
            let at = at.index(index);
            if let Some(item) = self.take(node.required(&at))? {
                transformations.extend(self.transformation(item, &at)?);
            }
        }
        Ok(transformations)
    }

    fn transformation(
        &mut self,
        item: &TransformationItem<'_>,
        at: &Place<'_>,
    ) -> Result<Option<Transformation>, EventError> {
        let type_at = at.key("type");
        let parsed = item.r#type.required(&type_at).and_then(|text| {
            if text.eq_ignore_ascii_case("DIRECT") {
                return Ok(true);
            }
            if text.eq_ignore_ascii_case("INDIRECT") {
                return Ok(false);
            }
            let (expected, found) = ("DIRECT or INDIRECT", quoted(text));
            Err(EventError::new(
                &type_at,
                EventRule::Wrong { expected, found },
            ))
        });
        let Some(is_direct) = self.take(parsed)? else {
            return Ok(None);
        };
        let subtype = self.take(item.subtype.optional(&at.key("subtype")))?;
        let description = self.take(item.description.optional(&at.key("description")))?;
        let masking = self.take(item.masking.optional(&at.key("masking")))?;
        Ok(Some(Transformation {
            is_direct,
            subtype: said(subtype.flatten()),
            description: said(description.flatten()),
            is_masking: masking.flatten().copied().unwrap_or_default(),
        }))
    }

    fn older_transformation(
        &mut self,
        item: &OutputFieldItem<'_>,
        at: &Place<'_>,
    ) -> Result<Option<Transformation>, EventError> {
        let type_at = at.key("transformationType");
        let subtype = said(
            self.take(item.transformation_type.optional(&type_at))?
                .flatten(),
        );
        let description_at = at.key("transformationDescription");
        let description = item.transformation_description.optional(&description_at);
        let description: Option<Text> = said(self.take(description)?.flatten());
        if subtype.is_none() && description.is_none() {
            return Ok(None);
        }
        Ok(Some(Transformation {
            is_direct: true,
            is_masking: subtype.as_deref() == Some("MASKED"),
            subtype,
            description,
        }))
    }
}
