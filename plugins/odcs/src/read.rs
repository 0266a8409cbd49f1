//! Files: contracts of both standards, and data products.

use headwater_extractor::{Diagnostic, Location, Severity};

use crate::contract::{Contract, Port, Product, Spot};
use crate::tree::Node;
use crate::{dcs, server, tree, v2, v3};

/// Servers of one contract.
const SERVERS_MAX: usize = 100;

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(crate) contracts: Vec<Contract>,
    pub(crate) products: Vec<Product>,
    pub(crate) found: Vec<Diagnostic>,
}

/// Something about a place in a file.
pub(crate) fn told(
    severity: Severity,
    code: &str,
    message: impl Into<String>,
    artifact: &str,
    spot: &Spot,
) -> Diagnostic {
    Diagnostic {
        severity,
        code: format!("odcs/{code}"),
        message: message.into(),
        at: Some(location(artifact, spot)),
    }
}

pub(crate) fn location(artifact: &str, spot: &Spot) -> Location {
    Location {
        artifact: artifact.into(),
        pointer: Some(spot.pointer.clone()),
        byte_offset: None,
        line: spot.line,
        column: None,
    }
}

/// A key as a part of an RFC 6901 pointer.
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

pub(crate) fn spot(pointer: String, node: &Node) -> Spot {
    Spot {
        pointer,
        line: node.line,
    }
}

/// Texts of `url` in a list of links.
pub(crate) fn urls(node: &Node) -> Vec<String> {
    let links = node.list("authoritativeDefinitions").iter();
    let urls = links.filter_map(|link| link.first(&["url"]).or_else(|| link.text()));
    urls.filter(|url| !url.starts_with("jdbc:"))
        .map(str::to_owned)
        .collect()
}

pub(crate) fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

pub(crate) fn all(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Those of a list of people who own it now: with such a role, and not gone.
pub(crate) fn owners(members: &[Node]) -> Vec<String> {
    let owners = members.iter().filter(|member| {
        let role = member.first(&["role"]).unwrap_or_default().to_lowercase();
        role.contains("owner") && member.first(&["dateOut"]).is_none()
    });
    owners
        .filter_map(|member| member.first(&["username", "name", "id"]))
        .map(str::to_owned)
        .collect()
}

/// Reads an artifact. What is no contract is told.
pub(crate) fn read(artifact: &str, bytes: &[u8]) -> File {
    let mut file = File::default();
    let documents = match tree::read(artifact, bytes) {
        Ok(documents) => documents,
        Err(fault) => {
            let spot = Spot {
                pointer: String::new(),
                line: fault.line,
            };
            file.found.push(told(
                Severity::Error,
                "syntax",
                fault.message,
                artifact,
                &spot,
            ));
            return file;
        }
    };
    let mut is_any = false;
    for document in &documents {
        is_any |= one(artifact, document, &mut file);
    }
    if !is_any {
        let message = "expected a data contract (`kind: DataContract` or `dataContractSpecification`), found none";
        file.found.push(told(
            Severity::Warning,
            "not-a-contract",
            message,
            artifact,
            &Spot::default(),
        ));
    }
    file
}

fn one(artifact: &str, document: &Node, file: &mut File) -> bool {
    let kind = document.first(&["kind"]).unwrap_or_default();
    let version = document.first(&["apiVersion"]).unwrap_or_default();
    let version = version.strip_prefix('v').unwrap_or(version);
    if document.first(&["dataContractSpecification"]).is_some() {
        let mut contract = dcs::read(document);
        named(&mut contract, artifact, document);
        dcs_servers(&mut contract, document, file);
        file.contracts.push(contract);
    } else if kind == "DataProduct" || document.first(&["dataProductSpecification"]).is_some() {
        file.products.push(product(artifact, document));
    } else if version.starts_with("2.")
        && (document.get("dataset").is_some() || kind == "DataContract")
    {
        let mut contract = v2::read(document);
        named(&mut contract, artifact, document);
        match v2::server(document) {
            Some(Ok(server)) => contract.servers.push(server),
            Some(Err(message)) => {
                file.found.push(told(
                    Severity::Warning,
                    "server",
                    message,
                    artifact,
                    &Spot::default(),
                ));
            }
            None => {}
        }
        file.contracts.push(contract);
    } else if kind == "DataContract" {
        if !version.starts_with("3.") {
            let message = format!("apiVersion `{version}` is not known; it is read as version 3");
            file.found.push(told(
                Severity::Warning,
                "version",
                message,
                artifact,
                &Spot::default(),
            ));
        }
        let mut contract = v3::read(document);
        named(&mut contract, artifact, document);
        servers(&mut contract, document, file);
        file.contracts.push(contract);
    } else {
        return false;
    }
    true
}

/// What every contract has; the file's name stands for an id.
fn named(contract: &mut Contract, artifact: &str, document: &Node) {
    artifact.clone_into(&mut contract.artifact);
    let last = artifact.rsplit('/').next().unwrap_or(artifact);
    let id = document.first(&["id", "uuid"]).unwrap_or(last);
    id.clone_into(&mut contract.id);
}

fn servers(contract: &mut Contract, document: &Node, file: &mut File) {
    for (position, node) in document
        .list("servers")
        .iter()
        .take(SERVERS_MAX)
        .enumerate()
    {
        let name = node.first(&["server", "id"]).unwrap_or_default();
        let at = spot(format!("/servers/{position}"), node);
        server_of(contract, (name, node, &at), file);
    }
}

fn dcs_servers(contract: &mut Contract, document: &Node, file: &mut File) {
    let servers = document.get("servers").map_or(&[] as &[_], Node::entries);
    for (name, node) in servers.iter().take(SERVERS_MAX) {
        let at = spot(format!("/servers/{}", escaped(name)), node);
        server_of(contract, (name, node, &at), file);
    }
}

fn server_of(contract: &mut Contract, (name, node, at): (&str, &Node, &Spot), file: &mut File) {
    match server::read(name, node) {
        Ok(mut server) => {
            server.environment = owned(node.first(&["environment"]));
            contract.servers.push(server);
        }
        Err(message) => {
            let message = format!("{message}: what is on the server `{name}` is not stated");
            file.found.push(told(
                Severity::Warning,
                "server",
                message,
                &contract.artifact,
                at,
            ));
        }
    }
}

fn product(artifact: &str, document: &Node) -> Product {
    let info = document.get("info");
    let name = document
        .first(&["name", "id"])
        .or_else(|| info?.first(&["title"]));
    let mut product = Product {
        artifact: artifact.to_owned(),
        name: name.unwrap_or_default().to_owned(),
        ..Product::default()
    };
    if let Some(owner) = info.and_then(|info| info.first(&["owner"])) {
        product.owners.push(owner.to_owned());
    }
    if let Some(team) = document.get("team") {
        product.owners.extend(owned(team.first(&["name"])));
        product.owners.extend(owners(team.list("members")));
    }
    for (position, port) in document.list("outputPorts").iter().enumerate() {
        let Some(contract) = port.first(&["contractId", "dataContractId"]) else {
            continue;
        };
        let inputs = port.list("inputContracts").iter();
        let inputs =
            inputs.filter_map(|input| input.first(&["id", "contractId"]).or_else(|| input.text()));
        product.ports.push(Port {
            spot: spot(format!("/outputPorts/{position}"), port),
            contract: contract.to_owned(),
            inputs: inputs.map(str::to_owned).collect(),
        });
    }
    product
}
