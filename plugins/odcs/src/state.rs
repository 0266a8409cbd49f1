//! Stating what contracts say.

use std::collections::{BTreeMap, BTreeSet};

use headwater_extractor::{
    Alias, Config, Dataset, DatasetNode, Diagnostic, Emitter, ExtractError, Field, FieldEdge,
    FieldEnd, Severity, Transformation,
};
use serde_json::json;

use crate::contract::{Contract, Object, Origin, Product, Spot};
use crate::read::{location, told};
use crate::server::{Form, Server};

/// Fields of one contract on all its servers.
const FIELDS_MAX: usize = 1_000_000;

/// A dataset's namespace and name.
type Name = (String, String);

/// An object of a contract on one of its servers.
#[derive(Clone, Copy, Debug)]
struct Stored<'c> {
    contract: &'c Contract,
    object: &'c Object,
    server: Option<&'c Server>,
}

/// Which contracts make output ports of datasets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ports {
    Contracts,
    Products,
    Nothing,
}

/// What is configured.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Names and environments of servers; all if there are none.
    servers: Vec<String>,
    /// Where datasets are that are on no server.
    namespace: Option<String>,
    ports: Ports,
}

impl Options {
    /// # Errors
    /// What `output_ports` is not.
    pub(crate) fn new(config: &Config) -> Result<Self, ExtractError> {
        let servers = config
            .get("servers")
            .unwrap_or_default()
            .split(',')
            .map(str::trim);
        let ports = match config.get("output_ports").unwrap_or("contracts") {
            "contracts" => Ports::Contracts,
            "products" => Ports::Products,
            "none" => Ports::Nothing,
            other => {
                let message =
                    format!("output_ports: expected contracts, products or none, found `{other}`");
                let found = told(
                    Severity::Error,
                    "config",
                    message,
                    "configuration",
                    &Spot::default(),
                );
                return Err(ExtractError::Malformed(found));
            }
        };
        Ok(Self {
            servers: servers
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            namespace: config.get("namespace").map(str::to_owned),
            ports,
        })
    }

    fn picks(&self, server: &Server) -> bool {
        self.servers.is_empty()
            || self.servers.iter().any(|wanted| {
                *wanted == server.name
                    || server
                        .environment
                        .as_ref()
                        .is_some_and(|other| other == wanted)
            })
    }

    /// The namespace of what is on no server.
    fn local(&self, contract: &Contract) -> String {
        self.namespace
            .clone()
            .unwrap_or_else(|| format!("odcs://{}", contract.id))
    }
}

struct Stating<'c, 'a, 'b> {
    options: &'c Options,
    out: &'a mut Emitter<'b>,
    /// What is stated under each name.
    stored: BTreeMap<Name, Stored<'c>>,
    /// Datasets of each contract, by its id.
    of_contract: BTreeMap<&'c str, BTreeSet<Name>>,
    /// Datasets by the names that contracts have for their objects.
    by_name: BTreeMap<&'c str, BTreeSet<Name>>,
}

/// States all contracts and products.
pub(crate) fn state(
    contracts: &[Contract],
    products: &[Product],
    options: &Options,
    out: &mut Emitter,
) -> Result<(), ExtractError> {
    let mut stating = Stating {
        options,
        out,
        stored: BTreeMap::new(),
        of_contract: BTreeMap::new(),
        by_name: BTreeMap::new(),
    };
    for contract in contracts {
        stating.place(contract)?;
    }
    let stored = stating.stored.clone();
    let mut nodes = BTreeMap::new();
    for (name, stored) in &stored {
        nodes.insert(name.clone(), stating.dataset(name, *stored)?);
    }
    for (name, stored) in &stored {
        stating.origins(name, nodes[name], *stored)?;
    }
    for product in products {
        stating.product(product, &nodes)?;
    }
    Ok(())
}

/// How much a contract counts where several are about one dataset: those in force first, then the newest.
fn weight(contract: &Contract) -> (bool, Vec<u64>) {
    let version = contract.version.as_deref().unwrap_or_default();
    let numbers = version.trim_start_matches('v').split(['.', '-', '+']);
    (
        contract.is_offered(),
        numbers.map_while(|number| number.parse().ok()).collect(),
    )
}

impl<'c> Stating<'c, '_, '_> {
    fn tell(
        &mut self,
        severity: Severity,
        code: &str,
        message: String,
        contract: &Contract,
        spot: &Spot,
    ) -> Result<(), ExtractError> {
        let found: Diagnostic = told(severity, code, message, &contract.artifact, spot);
        Ok(self.out.diagnose(found)?)
    }

    /// Finds names for the objects of a contract.
    fn place(&mut self, contract: &'c Contract) -> Result<(), ExtractError> {
        if contract.objects.is_empty() {
            let message = "the contract has no schema: it says nothing of any dataset".to_owned();
            return self.tell(
                Severity::Info,
                "no-schema",
                message,
                contract,
                &Spot::default(),
            );
        }
        let mut servers: Vec<&Server> = contract
            .servers
            .iter()
            .filter(|server| self.options.picks(server))
            .collect();
        let fields: usize = contract
            .objects
            .iter()
            .map(|object| object.fields.len() + 1)
            .sum();
        if fields.saturating_mul(servers.len()) > FIELDS_MAX {
            servers.truncate(1);
            let message = format!(
                "there are more than {FIELDS_MAX} fields on all servers: only those of the first server are stated"
            );
            self.tell(
                Severity::Warning,
                "too-many",
                message,
                contract,
                &Spot::default(),
            )?;
        }
        if servers.is_empty() {
            let namespace = self.options.local(contract);
            if self.options.namespace.is_none() {
                let message = format!(
                    "no server tells where the datasets are: they are named in {namespace}, which no other source does"
                );
                self.tell(
                    Severity::Warning,
                    "no-server",
                    message,
                    contract,
                    &Spot::default(),
                )?;
            }
            for object in &contract.objects {
                let name = (namespace.clone(), object.physical_name.clone());
                self.store(
                    name,
                    Stored {
                        contract,
                        object,
                        server: None,
                    },
                )?;
            }
        }
        let is_alone = contract.objects.len() == 1;
        for server in servers {
            for object in &contract.objects {
                let name = server.dataset(&object.physical_name, is_alone);
                let name = if let Some(name) = name {
                    (server.namespace.clone(), name)
                } else {
                    let message = format!(
                        "which part of the location of `{}` has `{}` is not known: there are several objects, and no {{model}}",
                        server.name, object.name
                    );
                    self.tell(
                        Severity::Warning,
                        "location",
                        message,
                        contract,
                        &object.spot,
                    )?;
                    (self.options.local(contract), object.physical_name.clone())
                };
                self.store(
                    name,
                    Stored {
                        contract,
                        object,
                        server: Some(server),
                    },
                )?;
            }
        }
        Ok(())
    }

    /// Of several contracts about one dataset, one counts.
    fn store(&mut self, name: Name, stored: Stored<'c>) -> Result<(), ExtractError> {
        let contract = stored.contract;
        self.of_contract
            .entry(&contract.id)
            .or_default()
            .insert(name.clone());
        for known in [&stored.object.name, &stored.object.physical_name] {
            self.by_name.entry(known).or_default().insert(name.clone());
        }
        let Some(other) = self.stored.get(&name).copied() else {
            self.stored.insert(name, stored);
            return Ok(());
        };
        if std::ptr::eq(other.contract, contract) {
            // Two servers of which neither tells where it is.
            return Ok(());
        }
        let is_heavier = weight(contract) > weight(other.contract);
        let (counts, left) = if is_heavier {
            (stored, other)
        } else {
            (other, stored)
        };
        let message = format!(
            "{} is under another contract, too: what {} says of it counts",
            name.1, counts.contract.artifact
        );
        self.tell(
            Severity::Warning,
            "twice",
            message,
            left.contract,
            &left.object.spot,
        )?;
        self.stored.insert(name, counts);
        Ok(())
    }

    fn dataset(
        &mut self,
        (namespace, name): &Name,
        stored: Stored,
    ) -> Result<DatasetNode, ExtractError> {
        let Stored {
            contract,
            object,
            server,
        } = stored;
        let at = location(&contract.artifact, &object.spot);
        let mut seen = BTreeSet::new();
        let fields: Vec<_> = object
            .fields
            .iter()
            .filter(|field| seen.insert(field.name.as_str()))
            .collect();
        let stated: Vec<Field> = fields
            .iter()
            .map(|field| Field {
                name: &field.name,
                data_type: field.data_type.as_deref(),
                description: field.description.as_deref(),
            })
            .collect();
        let kind = object
            .kind
            .as_ref()
            .filter(|kind| *kind != "object")
            .map(|kind| kind.to_uppercase());
        let kind = kind.unwrap_or_else(|| server.map_or("TABLE", |server| server.kind).to_owned());
        let node = self.out.dataset(&Dataset {
            namespace,
            name,
            kind: &kind,
            declared: true,
            description: object
                .description
                .as_deref()
                .or(contract.description.as_deref()),
            fields: &stated,
            evidence: Some(&at),
        })?;
        self.attributes(node, stored)?;
        for field in &fields {
            for tag in &field.tags {
                self.out.attribute(node, Some(&field.name), "tag", tag)?;
            }
            if let Some(classification) = &field.classification {
                self.out
                    .attribute(node, Some(&field.name), "classification", classification)?;
            }
        }
        self.facets(node, stored)?;
        if let Some(rest) = namespace.strip_prefix("databricks://") {
            let alias = Alias {
                namespace: &format!("unitycatalog://{rest}"),
                name,
                reason: "the naming conventions of OpenLineage call Databricks' catalog so",
                evidence: Some(&at),
            };
            self.out.alias(node, &alias)?;
        }
        Ok(node)
    }

    fn attributes(&mut self, node: DatasetNode, stored: Stored) -> Result<(), ExtractError> {
        let Stored {
            contract, object, ..
        } = stored;
        let mut attributes: Vec<(&str, &str)> = Vec::new();
        attributes.extend(
            contract
                .owners
                .iter()
                .map(|owner| ("owner", owner.as_str())),
        );
        let tags = contract.tags.iter().chain(&object.tags);
        attributes.extend(tags.map(|tag| ("tag", tag.as_str())));
        let urls = contract.urls.iter().chain(&object.urls);
        attributes.extend(urls.map(|url| ("url", url.as_str())));
        attributes.extend(
            contract
                .data_product
                .iter()
                .map(|product| ("data-product", product.as_str())),
        );
        if self.options.ports == Ports::Contracts && contract.is_offered() {
            attributes.push(("output-port", "true"));
        }
        attributes.push(("contract", &contract.id));
        attributes.extend(
            contract
                .version
                .iter()
                .map(|version| ("contract-version", version.as_str())),
        );
        attributes.extend(
            contract
                .status
                .iter()
                .map(|status| ("contract-status", status.as_str())),
        );
        let mut seen = BTreeSet::new();
        for (key, value) in attributes {
            if seen.insert((key, value)) {
                self.out.attribute(node, None, key, value)?;
            }
        }
        Ok(())
    }

    fn facets(&mut self, node: DatasetNode, stored: Stored) -> Result<(), ExtractError> {
        let Stored {
            contract,
            object,
            server,
        } = stored;
        let fields = object
            .fields
            .iter()
            .filter(|field| !field.facts.is_empty())
            .map(|field| {
                let mut facts = field.facts.clone();
                facts.insert("name".into(), field.name.clone().into());
                if field.logical_name != field.name {
                    facts.insert("logicalName".into(), field.logical_name.clone().into());
                }
                facts
            });
        let fields: Vec<_> = fields.collect();
        let facet = json!({
            "standard": contract.standard,
            "contract": contract.id,
            "title": contract.title,
            "version": contract.version,
            "status": contract.status,
            "domain": contract.domain,
            "object": object.name,
            "server": server.map(|server| &server.name),
            "environment": server.and_then(|server| server.environment.as_ref()),
            "fields": fields,
        });
        self.out.facet(node, "odcs", &facet.to_string())?;
        if !object.quality.is_empty() {
            let rules = json!({"rules": object.quality});
            self.out.facet(node, "odcsQuality", &rules.to_string())?;
        }
        if let Some(levels) = &contract.service_levels {
            let levels = json!({"serviceLevels": levels});
            self.out
                .facet(node, "odcsServiceLevels", &levels.to_string())?;
        }
        Ok(())
    }

    fn origins(
        &mut self,
        name: &Name,
        node: DatasetNode,
        stored: Stored,
    ) -> Result<(), ExtractError> {
        let mut derived = BTreeSet::new();
        for field in &stored.object.fields {
            for origin in &field.origins {
                match origin {
                    Origin::Object {
                        name: from,
                        description,
                        spot,
                    } => {
                        let (from, column) = self.source(name, from, stored, spot)?;
                        let at = location(&stored.contract.artifact, spot);
                        let from_node = self.out.mention(&from.0, &from.1, "", Some(&at))?;
                        let how = [Transformation {
                            is_direct: true,
                            subtype: Some("TRANSFORMATION"),
                            description: description.as_deref(),
                            is_masking: false,
                        }];
                        self.out.field_edge(&FieldEdge {
                            from: FieldEnd {
                                dataset: from_node,
                                field: column.as_deref(),
                            },
                            to: FieldEnd {
                                dataset: node,
                                field: Some(&field.name),
                            },
                            via: None,
                            transformations: &how,
                            evidence: Some(&at),
                        })?;
                        if from_node != node && derived.insert(from_node) {
                            self.out.derives(node, from_node, Some(&at))?;
                        }
                    }
                    Origin::Field {
                        namespace,
                        dataset,
                        field: column,
                        transformations,
                        spot,
                    } => {
                        let at = location(&stored.contract.artifact, spot);
                        let from_node = self.out.mention(namespace, dataset, "", Some(&at))?;
                        let how: Vec<_> = transformations
                            .iter()
                            .map(|how| Transformation {
                                is_direct: how.is_direct,
                                subtype: how.subtype.as_deref(),
                                description: how.description.as_deref(),
                                is_masking: how.is_masking,
                            })
                            .collect();
                        self.out.field_edge(&FieldEdge {
                            from: FieldEnd {
                                dataset: from_node,
                                field: column.as_deref(),
                            },
                            to: FieldEnd {
                                dataset: node,
                                field: Some(&field.name),
                            },
                            via: None,
                            transformations: &how,
                            evidence: Some(&at),
                        })?;
                        if from_node != node && derived.insert(from_node) {
                            self.out.derives(node, from_node, Some(&at))?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The dataset, and maybe the field, that a contract names as what a field is made of.
    fn source(
        &mut self,
        of: &Name,
        text: &str,
        stored: Stored,
        spot: &Spot,
    ) -> Result<(Name, Option<String>), ExtractError> {
        if let Some(name) = self.known(of, text) {
            return Ok((name, None));
        }
        if let Some((table, column)) = text.rsplit_once('.')
            && let Some(name) = self.known(of, table)
        {
            return Ok((name, Some(column.to_owned())));
        }
        let name = match stored.server {
            Some(server) if matches!(server.form, Form::Parts(_) | Form::Prefix(_)) => server
                .dataset(text, false)
                .map(|name| (server.namespace.clone(), name)),
            _ => None,
        };
        let name = name.unwrap_or_else(|| (of.0.clone(), text.to_owned()));
        let message = format!(
            "`{text}` is under no contract here: it is taken to be where {} is",
            of.1
        );
        self.tell(
            Severity::Info,
            "source-object",
            message,
            stored.contract,
            spot,
        )?;
        Ok((name, None))
    }

    /// The one dataset that contracts call so: of those in the same namespace, else of all.
    fn known(&self, of: &Name, text: &str) -> Option<Name> {
        let names = self.by_name.get(text)?;
        let mut near = names.iter().filter(|(namespace, _)| *namespace == of.0);
        match (near.next(), near.next()) {
            (Some(one), None) => Some(one.clone()),
            (None, _) if names.len() == 1 => names.first().cloned(),
            _ => None,
        }
    }

    fn product(
        &mut self,
        product: &Product,
        nodes: &BTreeMap<Name, DatasetNode>,
    ) -> Result<(), ExtractError> {
        for port in &product.ports {
            let datasets = self
                .of_contract
                .get(port.contract.as_str())
                .cloned()
                .unwrap_or_default();
            let mut inputs = BTreeSet::new();
            for input in &port.inputs {
                match self.of_contract.get(input.as_str()) {
                    Some(names) => inputs.extend(names.iter().cloned()),
                    None => self.unknown(product, &port.spot, input)?,
                }
            }
            if datasets.is_empty() {
                self.unknown(product, &port.spot, &port.contract)?;
            }
            let at = location(&product.artifact, &port.spot);
            for name in &datasets {
                let node = nodes[name];
                let stored = self.stored[name];
                if !product.name.is_empty()
                    && stored.contract.data_product.as_ref() != Some(&product.name)
                {
                    self.out
                        .attribute(node, None, "data-product", &product.name)?;
                }
                let is_port =
                    self.options.ports == Ports::Contracts && stored.contract.is_offered();
                if !is_port && self.options.ports != Ports::Nothing {
                    self.out.attribute(node, None, "output-port", "true")?;
                }
                for owner in product
                    .owners
                    .iter()
                    .filter(|owner| !stored.contract.owners.contains(owner))
                {
                    self.out.attribute(node, None, "owner", owner)?;
                }
                for input in inputs.iter().filter(|input| *input != name) {
                    self.out.derives(node, nodes[input], Some(&at))?;
                }
            }
        }
        Ok(())
    }

    fn unknown(
        &mut self,
        product: &Product,
        spot: &Spot,
        contract: &str,
    ) -> Result<(), ExtractError> {
        let message = format!(
            "the contract {contract} of {} is in none of the files",
            product.name
        );
        Ok(self.out.diagnose(told(
            Severity::Warning,
            "unknown-contract",
            message,
            &product.artifact,
            spot,
        ))?)
    }
}
