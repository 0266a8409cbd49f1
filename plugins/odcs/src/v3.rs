//! The Open Data Contract Standard, version 3.

use serde_json::Value as Json;

use crate::contract::{Contract, Field, Object, Origin};
use crate::read::{all, owned, owners, spot, urls};
use crate::tree::Node;

/// Reads all but the servers.
pub(crate) fn read(document: &Node) -> Contract {
    let description = document.get("description");
    let team = document.get("team");
    let mut all_owners = Vec::new();
    if let Some(team) = team {
        if team.is_list() {
            all_owners = owners(team.items());
        } else {
            all_owners.extend(owned(team.first(&["name"])));
            all_owners.extend(owners(team.list("members")));
        }
    }
    let mut links = urls(document);
    links.extend(description.map(urls).unwrap_or_default());
    let mut contract = Contract {
        standard: "ODCS",
        title: owned(document.first(&["name", "dataProduct"])),
        version: owned(document.first(&["version"])),
        status: owned(document.first(&["status"])),
        description: owned(
            description.and_then(|node| node.text().or_else(|| node.first(&["purpose"]))),
        ),
        owners: all_owners,
        tags: all(&document.texts("tags")),
        urls: links,
        domain: owned(document.first(&["domain"])),
        data_product: owned(document.first(&["dataProduct"])),
        service_levels: document.get("slaProperties").map(Node::json),
        ..Contract::default()
    };
    for (position, node) in document.list("schema").iter().enumerate() {
        if let Some(object) = object(node, &format!("/schema/{position}")) {
            contract.objects.push(object);
        }
    }
    contract
}

fn object(node: &Node, pointer: &str) -> Option<Object> {
    let name = node.first(&["name", "physicalName", "id"])?;
    let mut object = Object {
        spot: spot(pointer.to_owned(), node),
        name: name.to_owned(),
        physical_name: node.first(&["physicalName"]).unwrap_or(name).to_owned(),
        kind: owned(node.first(&["physicalType"])),
        description: owned(node.first(&["description", "businessName"])),
        tags: all(&node.texts("tags")),
        urls: urls(node),
        fields: Vec::new(),
        quality: node.list("quality").iter().map(Node::json).collect(),
    };
    properties(node, pointer, "", &mut object);
    Some(object)
}

/// Properties in their order, those in them after each.
fn properties(node: &Node, pointer: &str, prefix: &str, object: &mut Object) {
    for (position, property) in node.list("properties").iter().enumerate() {
        let Some(name) = property.first(&["physicalName", "name", "id"]) else {
            continue;
        };
        let name = format!("{prefix}{name}");
        let pointer = format!("{pointer}/properties/{position}");
        let field = field(property, &name, &pointer);
        for rule in property.list("quality") {
            let mut rule = rule.json();
            if let Json::Object(rule) = &mut rule {
                rule.insert("column".into(), name.clone().into());
            }
            object.quality.push(rule);
        }
        object.fields.push(field);
        inner(property, &pointer, &name, object);
    }
}

/// What stands in a property: its own properties, or those of what a list or a map holds.
fn inner(property: &Node, pointer: &str, name: &str, object: &mut Object) {
    properties(property, pointer, &format!("{name}."), object);
    if let Some(items) = property.get("items") {
        inner(items, &format!("{pointer}/items"), name, object);
    }
}

/// What of a property is kept in the facet.
const FACTS: &[&str] = &[
    "logicalType",
    "physicalType",
    "businessName",
    "required",
    "unique",
    "primaryKey",
    "primaryKeyPosition",
    "partitioned",
    "partitionKeyPosition",
    "classification",
    "criticalDataElement",
    "encryptedName",
    "transformLogic",
    "transformDescription",
];

fn field(property: &Node, name: &str, pointer: &str) -> Field {
    let mut field = Field {
        name: name.to_owned(),
        logical_name: property.first(&["name", "id"]).unwrap_or(name).to_owned(),
        data_type: owned(property.first(&["physicalType", "logicalType"])),
        description: owned(property.first(&["description", "businessName"])),
        tags: all(&property.texts("tags")),
        classification: owned(property.first(&["classification"])),
        ..Field::default()
    };
    if property.is_true("criticalDataElement") {
        field.tags.push("critical-data-element".into());
    }
    for key in FACTS {
        if let Some(value) = property.get(key) {
            field.facts.insert((*key).to_owned(), value.json());
        }
    }
    let description = property.first(&["transformDescription", "transformLogic"]);
    for (position, source) in property.list("transformSourceObjects").iter().enumerate() {
        if let Some(text) = source.text() {
            field.origins.push(Origin::Object {
                name: text.to_owned(),
                description: owned(description),
                spot: spot(
                    format!("{pointer}/transformSourceObjects/{position}"),
                    source,
                ),
            });
        }
    }
    field
}
