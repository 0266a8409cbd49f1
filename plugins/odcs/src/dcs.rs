//! The Data Contract Specification.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::contract::{Contract, Field, Object, Origin, Transformation};
use crate::read::{all, escaped, owned, spot};
use crate::tree::Node;

/// Definitions that fields refer to, by name.
type Definitions<'n> = BTreeMap<&'n str, &'n Node>;

/// Reads all but the servers.
pub(crate) fn read(document: &Node) -> Contract {
    let nothing = Node::default();
    let info = document.get("info").unwrap_or(&nothing);
    let links = document.get("links").map_or(&[] as &[_], Node::entries);
    let urls = links
        .iter()
        .filter_map(|(_, link)| link.text().or_else(|| link.first(&["url"])));
    let mut contract = Contract {
        standard: "DCS",
        title: owned(info.first(&["title"])),
        version: owned(info.first(&["version"])),
        status: owned(info.first(&["status"])),
        description: owned(info.first(&["description"])),
        owners: info
            .first(&["owner"])
            .map(str::to_owned)
            .into_iter()
            .collect(),
        tags: all(&document.texts("tags")),
        urls: urls.map(str::to_owned).collect(),
        domain: owned(info.first(&["domain"])),
        data_product: owned(info.first(&["dataProduct"])),
        service_levels: document.get("servicelevels").map(Node::json),
        ..Contract::default()
    };
    let definitions = document
        .get("definitions")
        .map_or(&[] as &[_], Node::entries);
    let definitions: Definitions = definitions
        .iter()
        .map(|(name, node)| (name.as_str(), node))
        .collect();
    let models = document.get("models").map_or(&[] as &[_], Node::entries);
    for (name, node) in models {
        let pointer = format!("/models/{}", escaped(name));
        let mut object = Object {
            spot: spot(pointer.clone(), node),
            name: name.clone(),
            physical_name: match node.first(&["namespace"]) {
                Some(namespace) => format!("{namespace}.{name}"),
                None => name.clone(),
            },
            kind: owned(node.first(&["type"])),
            description: owned(node.first(&["description", "title"])),
            tags: all(&node.texts("tags")),
            urls: links_of(node),
            fields: Vec::new(),
            quality: node.list("quality").iter().map(Node::json).collect(),
        };
        fields(node, &pointer, "", &definitions, &mut object);
        contract.objects.push(object);
    }
    contract
}

fn links_of(node: &Node) -> Vec<String> {
    let links = node.get("links").map_or(&[] as &[_], Node::entries);
    let urls = links.iter().filter_map(|(_, link)| link.text());
    urls.map(str::to_owned).collect()
}

fn fields(
    node: &Node,
    pointer: &str,
    prefix: &str,
    definitions: &Definitions,
    object: &mut Object,
) {
    for (name, node) in node.get("fields").map_or(&[] as &[_], Node::entries) {
        let pointer = format!("{pointer}/fields/{}", escaped(name));
        let name = format!("{prefix}{name}");
        let field = field(node, &name, &pointer, definitions);
        for rule in node.list("quality") {
            let mut rule = rule.json();
            if let Json::Object(rule) = &mut rule {
                rule.insert("column".into(), name.clone().into());
            }
            object.quality.push(rule);
        }
        object.fields.push(field);
        inner(node, &pointer, &name, definitions, object);
    }
}

/// Fields of a record, and of what a list or a map holds.
fn inner(node: &Node, pointer: &str, name: &str, definitions: &Definitions, object: &mut Object) {
    fields(node, pointer, &format!("{name}."), definitions, object);
    for key in ["items", "values"] {
        if let Some(items) = node.get(key) {
            inner(
                items,
                &format!("{pointer}/{key}"),
                name,
                definitions,
                object,
            );
        }
    }
}

const FACTS: &[&str] = &[
    "required",
    "unique",
    "primary",
    "primaryKey",
    "classification",
    "pii",
    "format",
    "precision",
    "scale",
    "enum",
    "references",
];

fn field(node: &Node, name: &str, pointer: &str, definitions: &Definitions) -> Field {
    let reference = node
        .first(&["$ref"])
        .and_then(|text| text.strip_prefix("#/definitions/"));
    let definition = reference.and_then(|name| definitions.get(name)).copied();
    let get = |key: &str| {
        let own = node.get(key);
        own.or_else(|| definition?.get(key))
    };
    let text = |key: &str| get(key).and_then(Node::text);
    // The type in the database, where there is one for a kind of server.
    let config = node.get("config").map_or(&[] as &[_], Node::entries);
    let physical = config.iter().find(|(key, _)| key.ends_with("Type"));
    let mut field = Field {
        name: name.to_owned(),
        logical_name: name.to_owned(),
        data_type: owned(
            physical
                .and_then(|(_, node)| node.text())
                .or_else(|| text("type")),
        ),
        description: owned(text("description").or_else(|| text("title"))),
        tags: get("tags")
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .filter_map(Node::text)
            .map(str::to_owned)
            .collect(),
        classification: owned(text("classification")),
        ..Field::default()
    };
    if text("pii") == Some("true") {
        field.tags.push("pii".into());
    }
    if let Some(logical) = text("type") {
        field.facts.insert("logicalType".into(), json!(logical));
    }
    for key in FACTS {
        if let Some(value) = get(key) {
            field.facts.insert((*key).to_owned(), value.json());
        }
    }
    if let Some(lineage) = node.get("lineage") {
        origins(lineage, &format!("{pointer}/lineage"), &mut field);
    }
    field
}

/// `inputFields`, as in the column lineage facet of `OpenLineage`.
fn origins(lineage: &Node, pointer: &str, field: &mut Field) {
    for (position, input) in lineage.list("inputFields").iter().enumerate() {
        let (Some(namespace), Some(dataset)) =
            (input.first(&["namespace"]), input.first(&["name"]))
        else {
            continue;
        };
        let transformations = input
            .list("transformations")
            .iter()
            .map(|how| Transformation {
                is_direct: !how
                    .first(&["type"])
                    .is_some_and(|kind| kind.eq_ignore_ascii_case("INDIRECT")),
                subtype: how.first(&["subtype"]).map(str::to_uppercase),
                description: owned(how.first(&["description"])),
                is_masking: how.is_true("masking"),
            });
        field.origins.push(Origin::Field {
            namespace: namespace.to_owned(),
            dataset: dataset.to_owned(),
            field: owned(input.first(&["field"])),
            transformations: transformations.collect(),
            spot: spot(format!("{pointer}/inputFields/{position}"), input),
        });
    }
}
