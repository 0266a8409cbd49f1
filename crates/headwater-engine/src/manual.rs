//! What a person states, told apart from all else that people state in the same source.

use headwater_model::{AssetName, Digest, Facts, FieldName, QualifiedName};
use headwater_record::Half;

/// Names a fact: two statements are about one fact if these are equal. Why and by whom it is stated is no part of it.
pub(crate) fn fact_key(facts: &Facts) -> Half {
    let mut key = Key::default();
    for dataset in &facts.datasets {
        key.asset(&dataset.name.clone().dataset());
        key.optional("described", dataset.description.as_deref());
    }
    for job in &facts.jobs {
        key.asset(&job.name.clone().job());
        key.optional("described", job.description.as_deref());
    }
    for edge in &facts.edges {
        key.text("edge");
        key.asset(&edge.from);
        key.asset(&edge.to);
        key.via(edge.via.as_ref());
    }
    for edge in &facts.field_edges {
        key.text("field edge");
        for end in [&edge.from, &edge.to] {
            key.asset(&end.dataset.clone().dataset());
            key.optional("field", end.field.as_ref().map(FieldName::as_str));
        }
        key.via(edge.via.as_ref());
    }
    for alias in &facts.aliases {
        key.text("alias");
        key.asset(&alias.of);
        key.name(&alias.alias);
    }
    for attribute in &facts.attributes {
        key.text("attribute");
        key.asset(&attribute.on);
        key.optional("field", attribute.field.as_ref().map(FieldName::as_str));
        key.text(attribute.key.as_str());
        key.text(&attribute.value);
    }
    Digest::of_parts(key.0.iter().map(String::as_bytes)).half()
}

/// The parts of a key, which a digest keeps apart.
#[derive(Default)]
struct Key(Vec<String>);

impl Key {
    fn text(&mut self, text: &str) {
        self.0.push(text.to_owned());
    }

    fn optional(&mut self, what: &str, text: Option<&str>) {
        self.text(if text.is_some() { what } else { "" });
        self.text(text.unwrap_or_default());
    }

    fn name(&mut self, name: &QualifiedName) {
        self.text(name.namespace.as_str());
        self.text(name.name.as_str());
    }

    fn asset(&mut self, asset: &AssetName) {
        self.text(match asset.kind {
            headwater_model::AssetKind::Dataset => "dataset",
            headwater_model::AssetKind::Job => "job",
        });
        self.name(&asset.name);
    }

    fn via(&mut self, via: Option<&QualifiedName>) {
        self.text(if via.is_some() { "via" } else { "" });
        if let Some(via) = via {
            self.name(via);
        }
    }
}
