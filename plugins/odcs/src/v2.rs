//! The Open Data Contract Standard, version 2.

use serde_json::Value as Json;

use crate::contract::{Contract, Field, Object, Origin};
use crate::read::{all, owned, owners, spot, urls};
use crate::server::{self, Server};
use crate::tree::{Node, Value};

/// Reads all but the server.
pub(crate) fn read(document: &Node) -> Contract {
    let description = document.get("description");
    let mut contract = Contract {
        standard: "ODCS",
        title: owned(document.first(&["quantumName"])),
        version: owned(document.first(&["version"])),
        status: owned(document.first(&["status"])),
        description: owned(
            description.and_then(|node| node.text().or_else(|| node.first(&["purpose"]))),
        ),
        owners: owners(document.list("stakeholders")),
        tags: all(&document.texts("tags")),
        urls: urls(document),
        domain: owned(document.first(&["datasetDomain"])),
        data_product: owned(document.first(&["quantumName"])),
        service_levels: document.get("slaProperties").map(Node::json),
        ..Contract::default()
    };
    for (position, node) in document.list("dataset").iter().enumerate() {
        if let Some(object) = object(node, &format!("/dataset/{position}")) {
            contract.objects.push(object);
        }
    }
    contract
}

/// The server is a part of the contract itself; which database it is, its type or driver may tell.
pub(crate) fn server(document: &Node) -> Option<Result<Server, String>> {
    let text = |key: &str, value: &str| {
        let value = Value::Text {
            text: value.to_owned(),
            is_plain: false,
        };
        (key.to_owned(), Node { line: None, value })
    };
    let mut entries = Vec::new();
    if let (Some(project), Some(dataset)) = (
        document.first(&["project"]),
        document.first(&["datasetName"]),
    ) {
        entries.extend([
            text("type", "bigquery"),
            text("project", project),
            text("dataset", dataset),
        ]);
    } else {
        let host = document.first(&["server"])?;
        let kind = document.first(&["driver", "sourceSystem"])?;
        entries.extend([text("type", kind), text("host", host)]);
        if let Some(database) = document.first(&["database"]) {
            entries.push(text("database", database));
        }
    }
    let node = Node {
        line: None,
        value: Value::Map(entries),
    };
    Some(server::read(
        document.first(&["server"]).unwrap_or("server"),
        &node,
    ))
}

fn object(node: &Node, pointer: &str) -> Option<Object> {
    let name = node.first(&["table", "physicalName"])?;
    let mut object = Object {
        spot: spot(pointer.to_owned(), node),
        name: name.to_owned(),
        physical_name: node.first(&["physicalName"]).unwrap_or(name).to_owned(),
        kind: Some("table".to_owned()),
        description: owned(node.first(&["description"])),
        tags: all(&node.texts("tags")),
        urls: urls(node),
        fields: Vec::new(),
        quality: node.list("quality").iter().map(Node::json).collect(),
    };
    for (position, column) in node.list("columns").iter().enumerate() {
        if let Some(name) = column.first(&["column"]) {
            let pointer = format!("{pointer}/columns/{position}");
            object.fields.push(field(column, name, &pointer));
            for rule in column.list("quality") {
                let mut rule = rule.json();
                if let Json::Object(rule) = &mut rule {
                    rule.insert("column".into(), name.into());
                }
                object.quality.push(rule);
            }
        }
    }
    Some(object)
}

const FACTS: &[&str] = &[
    "logicalType",
    "physicalType",
    "businessName",
    "isPrimaryKey",
    "isNullable",
    "isUnique",
    "classification",
    "criticalDataElementStatus",
    "encryptedColumnName",
    "transformLogic",
    "transformDescription",
];

fn field(column: &Node, name: &str, pointer: &str) -> Field {
    let mut field = Field {
        name: name.to_owned(),
        logical_name: name.to_owned(),
        data_type: owned(column.first(&["physicalType", "logicalType"])),
        description: owned(column.first(&["description", "businessName"])),
        tags: all(&column.texts("tags")),
        classification: owned(column.first(&["classification"])),
        ..Field::default()
    };
    if column.is_true("criticalDataElementStatus") {
        field.tags.push("critical-data-element".into());
    }
    for key in FACTS {
        if let Some(value) = column.get(key) {
            field.facts.insert((*key).to_owned(), value.json());
        }
    }
    let description = column.first(&["transformDescription", "transformLogic"]);
    for (position, source) in column.list("transformSourceTables").iter().enumerate() {
        if let Some(text) = source.text() {
            field.origins.push(Origin::Object {
                name: text.to_owned(),
                description: owned(description),
                spot: spot(
                    format!("{pointer}/transformSourceTables/{position}"),
                    source,
                ),
            });
        }
    }
    field
}
