//! The questions, in GraphQL, and their answers in the words of `expected.json`.

mod fields;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answers::{Answers, Crossing, Domain, Impact, Impacted, Link};

const DOMAINS: &str = "query Domains {
  domains { name datasets(first: 100) { nodes { id name isOutputPort } pageInfo { hasNextPage } } }
}";

const JOBS: &str = "query Jobs($domain: String!) {
  assets(filter: { domains: [$domain] }, first: 200) { nodes { __typename type } }
}";

const UNRESOLVED: &str = "query Unresolved { unresolved(first: 100) { nodes { name } } }";

const DOMAIN_GRAPH: &str = "query DomainGraph {
  domainGraph {
    edges {
      from { name }
      to { name }
      datasetEdgeCount
      throughPortsCount
      aroundPortsCount
      all: crossings(first: 100) { nodes { from to via { name } } }
      around: crossings(aroundPorts: true, first: 100) { nodes { from to via { name } } }
    }
  }
}";

const IMPACT: &str = "query Impact($of: [Reference!]!) {
  impact(of: $of) {
    totalCount
    byDomain { key count }
    assets(first: 100) { nodes { asset { __typename name domain { name } } hops crossesDomain } }
    completeness { unresolvedCount }
  }
}";

#[derive(Deserialize)]
struct Nodes<T> {
    nodes: Vec<T>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Asset {
    #[serde(rename = "__typename")]
    kind: String,
    name: String,
    domain: Option<Named>,
}

#[derive(Deserialize)]
struct DomainsAnswer {
    domains: Vec<DomainNode>,
}

#[derive(Deserialize)]
struct DomainNode {
    name: String,
    datasets: DatasetPage,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DatasetPage {
    nodes: Vec<Dataset>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dataset {
    id: String,
    name: String,
    is_output_port: bool,
}

#[derive(Deserialize)]
struct JobsAnswer {
    assets: Nodes<TypedAsset>,
}

#[derive(Deserialize)]
struct TypedAsset {
    #[serde(rename = "__typename")]
    kind: String,
    r#type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
}

#[derive(Deserialize)]
struct UnresolvedAnswer {
    unresolved: Nodes<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DomainGraphAnswer {
    domain_graph: DomainGraph,
}

#[derive(Deserialize)]
struct DomainGraph {
    edges: Vec<DomainLink>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DomainLink {
    from: Named,
    to: Named,
    dataset_edge_count: u64,
    through_ports_count: u64,
    around_ports_count: u64,
    all: Nodes<Edge>,
    around: Nodes<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    from: String,
    to: String,
    via: Option<Named>,
}

#[derive(Deserialize)]
struct ImpactAnswer {
    impact: ImpactNode,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImpactNode {
    total_count: u64,
    by_domain: Vec<Group>,
    assets: Nodes<ImpactedNode>,
    completeness: Completeness,
}

#[derive(Deserialize)]
struct Group {
    key: Option<String>,
    count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImpactedNode {
    asset: Asset,
    hops: u64,
    crosses_domain: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Completeness {
    unresolved_count: u64,
}

/// Asks the server at `url` everything that `expected` answers.
pub(crate) fn ask(url: &str, expected: &Answers) -> Result<Answers> {
    let domains: DomainsAnswer = query(url, DOMAINS, &json!({}))?;
    let graph: DomainGraphAnswer = query(url, DOMAIN_GRAPH, &json!({}))?;
    let of = reference(expected, &expected.impact.of);
    let impact: ImpactAnswer = query(url, IMPACT, &json!({ "of": [of] }))?;
    let datasets = domains
        .domains
        .iter()
        .flat_map(|domain| &domain.datasets.nodes);
    let names: BTreeMap<_, _> = datasets
        .map(|dataset| (dataset.id.clone(), dataset.name.clone()))
        .collect();
    Ok(Answers {
        namespace: expected.namespace.clone(),
        not_datasets: expected.not_datasets.clone(),
        domain_graph: graph
            .domain_graph
            .edges
            .into_iter()
            .map(|link| link_of(link, &names))
            .collect::<Result<_>>()?,
        unresolved: unresolved(url)?,
        field_edges: fields::edges(url, expected, names.keys())?,
        field_impacts: (expected.field_impacts.iter())
            .map(|asked| fields::impact(url, expected, asked))
            .collect::<Result<_>>()?,
        path: fields::path(url, expected)?,
        domains: domains_of(url, domains)?,
        impact: impact_of(&expected.impact.of, impact.impact),
    })
}

/// The datasets that nobody declares.
fn unresolved(url: &str) -> Result<BTreeSet<String>> {
    let answer: UnresolvedAnswer = query(url, UNRESOLVED, &json!({}))?;
    let nodes = answer.unresolved.nodes.into_iter();
    Ok(nodes.map(|dataset| dataset.name).collect())
}

/// A name as expected answers have it, in full.
fn reference(expected: &Answers, name: &str) -> String {
    if name.contains("://") {
        name.to_owned()
    } else {
        format!("{}/{name}", expected.namespace)
    }
}

/// What each domain has; a domain without a dataset is left out.
fn domains_of(url: &str, answer: DomainsAnswer) -> Result<BTreeMap<String, Domain>> {
    let mut domains = BTreeMap::new();
    for DomainNode { name, datasets } in answer.domains {
        ensure!(
            !datasets.page_info.has_next_page,
            "domain {name} has more than 100 datasets: is this folder's data of another mesh?"
        );
        if datasets.nodes.is_empty() {
            continue;
        }
        let ports = datasets.nodes.iter().filter(|found| found.is_output_port);
        let output_ports = ports.map(|port| port.name.clone()).collect();
        let domain = Domain {
            output_ports,
            datasets: datasets.nodes.into_iter().map(|found| found.name).collect(),
            jobs: jobs_of(url, &name)?,
        };
        domains.insert(name, domain);
    }
    Ok(domains)
}

/// How many jobs of each type a domain has.
fn jobs_of(url: &str, domain: &str) -> Result<BTreeMap<String, u64>> {
    let answer: JobsAnswer = query(url, JOBS, &json!({ "domain": domain }))?;
    let mut jobs = BTreeMap::new();
    for asset in answer.assets.nodes {
        if asset.kind == "Job" {
            *jobs.entry(asset.r#type).or_default() += 1;
        }
    }
    Ok(jobs)
}

fn link_of(link: DomainLink, names: &BTreeMap<String, String>) -> Result<Link> {
    let name = |id: &str| {
        names
            .get(id)
            .cloned()
            .with_context(|| format!("an edge between domains ends in {id}, which is no asset"))
    };
    let around: BTreeSet<_> = link
        .around
        .nodes
        .iter()
        .map(|edge| (edge.from.as_str(), edge.to.as_str()))
        .collect();
    let crossings = link
        .all
        .nodes
        .iter()
        .map(|edge| {
            Ok(Crossing {
                from: name(&edge.from)?,
                to: name(&edge.to)?,
                via: edge.via.as_ref().map(|job| job.name.clone()),
                through_port: !around.contains(&(edge.from.as_str(), edge.to.as_str())),
            })
        })
        .collect::<Result<_>>()?;
    Ok(Link {
        crossings,
        from: link.from.name,
        to: link.to.name,
        dataset_edge_count: link.dataset_edge_count,
        through_ports_count: link.through_ports_count,
        around_ports_count: link.around_ports_count,
    })
}

fn impact_of(of: &str, answer: ImpactNode) -> Impact {
    let mut jobs_by_domain = BTreeMap::new();
    let mut datasets = BTreeSet::new();
    for node in answer.assets.nodes {
        let domain = node.asset.domain.map(|domain| domain.name);
        if node.asset.kind == "Job" {
            *jobs_by_domain.entry(shown_domain(domain)).or_default() += 1;
        } else {
            datasets.insert(Impacted {
                name: node.asset.name,
                domain,
                hops: node.hops,
                crosses_domain: node.crosses_domain,
            });
        }
    }
    Impact {
        of: of.to_owned(),
        total_count: answer.total_count,
        datasets,
        jobs_by_domain,
        assets_by_domain: answer
            .by_domain
            .into_iter()
            .map(|group| (shown_domain(group.key), group.count))
            .collect(),
        unresolved_count: answer.completeness.unresolved_count,
    }
}

fn shown_domain(domain: Option<String>) -> String {
    domain.unwrap_or_else(|| "(none)".to_owned())
}

/// Sends one query and reads its answer; any error in it fails.
fn query<T: DeserializeOwned>(url: &str, text: &str, variables: &Value) -> Result<T> {
    let name = text.split(['(', '{']).next().unwrap_or_default().trim();
    let mut response = ureq::post(format!("{url}/graphql"))
        .config()
        .http_status_as_error(false)
        .build()
        .send_json(json!({ "query": text, "variables": variables }))
        .with_context(|| format!("cannot send {name} to {url}"))?;
    let status = response.status();
    let body = response
        .body_mut()
        .read_to_string()
        .with_context(|| format!("cannot read the answer to {name}"))?;
    answer(&body).with_context(|| format!("{name} was answered with {status}"))
}

fn answer<T: DeserializeOwned>(body: &str) -> Result<T> {
    #[derive(Deserialize)]
    struct Body {
        data: Option<Value>,
        #[serde(default)]
        errors: Vec<Value>,
    }
    let body: Body =
        serde_json::from_str(body).with_context(|| format!("not an answer: {body}"))?;
    if let Some(error) = body.errors.first() {
        let message = error.get("message").and_then(Value::as_str);
        bail!(
            "{}",
            message.map_or_else(|| error.to_string(), str::to_owned)
        );
    }
    let data = body.data.context("the answer has no data")?;
    serde_json::from_value(data).context("the answer does not have the shape of the contract")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_an_answer_is_an_error() {
        let error = answer::<Value>(r#"{"data": null, "errors": [{"message": "no such field"}]}"#);
        assert_eq!(error.unwrap_err().to_string(), "no such field");
        assert!(answer::<Value>(r#"{"data": null}"#).is_err());
        assert!(answer::<Value>("busy").is_err());
    }

    #[test]
    fn an_edge_that_is_among_those_round_a_port_is_no_edge_through_it() {
        let link: DomainLink = serde_json::from_value(json!({
            "from": {"name": "a"}, "to": {"name": "b"},
            "datasetEdgeCount": 2, "throughPortsCount": 1, "aroundPortsCount": 1,
            "all": {"nodes": [{"from": "1", "to": "3", "via": {"name": "j"}}, {"from": "2", "to": "3", "via": null}]},
            "around": {"nodes": [{"from": "2", "to": "3", "via": null}]},
        }))
        .unwrap();
        let names =
            [("1", "x"), ("2", "y"), ("3", "z")].map(|(id, name)| (id.to_owned(), name.to_owned()));
        let link = link_of(link, &names.into()).unwrap();
        let through: Vec<_> = link
            .crossings
            .iter()
            .map(|crossing| (crossing.from.as_str(), crossing.through_port))
            .collect();
        assert_eq!(through, [("x", true), ("y", false)]);
    }

    #[test]
    fn jobs_and_datasets_downstream_are_told_apart() {
        let answer = serde_json::from_value(json!({
            "totalCount": 2,
            "byDomain": [{"key": "b", "count": 1}, {"key": null, "count": 1}],
            "assets": {"nodes": [
                {"asset": {"__typename": "Dataset", "name": "z", "domain": {"name": "b"}}, "hops": 1, "crossesDomain": true},
                {"asset": {"__typename": "Job", "name": "j", "domain": null}, "hops": 0, "crossesDomain": false},
            ]},
            "completeness": {"unresolvedCount": 0},
        }))
        .unwrap();
        let impact = impact_of("x", answer);
        assert_eq!(impact.datasets.first().unwrap().name, "z");
        assert_eq!(impact.jobs_by_domain, [("(none)".to_owned(), 1)].into());
        assert_eq!(impact.assets_by_domain.len(), 2);
    }
}
