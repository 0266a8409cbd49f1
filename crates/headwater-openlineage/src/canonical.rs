//! One order for equal facts.
//!
//! The digest of a contribution decides whether it says anything new, so it must not depend on the order of keys or
//! of `inputs` and `outputs`, nor on how often something is said.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use headwater_model::{DatasetFact, Facts, FieldEdgeFact, FieldFact};

/// Sorts `facts` and unites what is said twice; facets before `first_input_facet` win over later ones.
pub(crate) fn arrange(facts: &mut Facts, first_input_facet: usize) {
    arrange_datasets(&mut facts.datasets);
    arrange_field_edges(&mut facts.field_edges);

    facts
        .edges
        .sort_unstable_by(|a, b| (&a.from, &a.to, &a.via).cmp(&(&b.from, &b.to, &b.via)));
    facts.edges.dedup();

    facts
        .aliases
        .sort_unstable_by(|a, b| (&a.of, &a.alias, &a.reason).cmp(&(&b.of, &b.alias, &b.reason)));
    facts
        .aliases
        .dedup_by(|later, first| later.of == first.of && later.alias == first.alias);

    facts.attributes.sort_unstable_by(|a, b| {
        (&a.on, &a.field, &a.key, &a.value).cmp(&(&b.on, &b.field, &b.key, &b.value))
    });
    facts.attributes.dedup();

    let (first, later) = facts.facets.split_at_mut(first_input_facet);
    for half in [first, later] {
        half.sort_unstable_by(|a, b| (&a.on, &a.name, &a.json).cmp(&(&b.on, &b.name, &b.json)));
    }
    facts
        .facets
        .sort_by(|a, b| (&a.on, &a.name).cmp(&(&b.on, &b.name)));
    facts
        .facets
        .dedup_by(|later, first| later.on == first.on && later.name == first.name);
}

/// By name; of one name, the declaration first, then by content.
fn dataset_order(a: &DatasetFact, b: &DatasetFact) -> Ordering {
    let content = |dataset: &DatasetFact| (dataset.r#type.clone(), dataset.description.clone());
    a.name
        .cmp(&b.name)
        .then_with(|| b.is_declared.cmp(&a.is_declared))
        .then_with(|| content(a).cmp(&content(b)))
        .then_with(|| {
            a.fields
                .iter()
                .map(field_key)
                .cmp(b.fields.iter().map(field_key))
        })
}

fn field_key(field: &FieldFact) -> impl Ord {
    (&field.name, &field.r#type, &field.description)
}

fn arrange_datasets(datasets: &mut Vec<DatasetFact>) {
    datasets.sort_by(dataset_order);
    datasets.dedup_by(|later, first| {
        let is_same = later.name == first.name;
        if is_same {
            unite(first, later);
        }
        is_same
    });
}

/// Adds to `first` what only `later` says.
fn unite(first: &mut DatasetFact, later: &mut DatasetFact) {
    if first.r#type.is_unspecific() {
        first.r#type = later.r#type.clone();
    }
    if first.description.is_none() {
        first.description = later.description.take();
    }
    if first.fields.is_empty() {
        first.fields = std::mem::take(&mut later.fields);
        return;
    }
    if later.fields.is_empty() {
        return;
    }
    let known: BTreeMap<_, _> = first
        .fields
        .iter()
        .enumerate()
        .map(|(index, field)| (field.name.clone(), index))
        .collect();
    for field in later.fields.drain(..) {
        match known.get(&field.name) {
            None => first.fields.push(field),
            Some(&index) => {
                let first = &mut first.fields[index];
                first.r#type = first.r#type.take().or(field.r#type);
                first.description = first.description.take().or(field.description);
            }
        }
    }
}

fn arrange_field_edges(edges: &mut Vec<FieldEdgeFact>) {
    edges.sort_unstable_by(|a, b| (&a.from, &a.to, &a.via).cmp(&(&b.from, &b.to, &b.via)));
    edges.dedup_by(|later, first| {
        let is_same = later.from == first.from && later.to == first.to && later.via == first.via;
        if is_same {
            first.transformations.append(&mut later.transformations);
        }
        is_same
    });
    for edge in edges {
        edge.transformations.sort_unstable();
        edge.transformations.dedup();
    }
}
