//! However long a list is, and whatever is asked of what is in it, the state is called as often.

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_engine::{Engine, EngineOptions};
use headwater_graphql::{Api, Limits};
use headwater_model::{
    AliasFact, AssetName, DatasetFact, Diagnostic, EdgeFact, EventSubject, Facts, FieldEdgeFact,
    FieldEnd, FieldFact, FieldName, Mesh, RunDetails, RunId, RunState, Severity, Statement,
    Submission, Timestamp, Transformation,
};
use headwater_store::{MemoryLog, State};

use crate::loads::{Counting, calls};
use crate::support::{DBT, LAKE, PG, attribute, dataset, domain, job, name, run_event, snapshot};

fn pg(text: &str) -> AssetName {
    name(PG, text).dataset()
}

fn end(dataset: &str, field: Option<&str>) -> FieldEnd {
    FieldEnd {
        dataset: name(PG, dataset),
        field: field.map(|field| FieldName::parse(field).expect("a field")),
    }
}

fn field_edge(from: FieldEnd, to: FieldEnd, via: &str) -> FieldEdgeFact {
    let transformation = |subtype: &str| Transformation {
        is_direct: subtype == "IDENTITY",
        subtype: Some(subtype.into()),
        description: None,
        is_masking: false,
    };
    FieldEdgeFact {
        from,
        to,
        via: Some(name(DBT, via)),
        transformations: ["IDENTITY", "FILTER"].map(transformation).into(),
        evidence: None,
    }
}

/// What the domain at `at` of `count` says: it makes `out` of `in`, `missing` and its neighbour's `out`, reads and
/// writes the hub, and all of it has everything that can be said.
fn of_domain(at: usize, count: usize) -> Facts {
    let mut facts = Facts::default();
    let (input, out) = (format!("d{at}.in"), format!("d{at}.out"));
    let before = format!("d{}.out", (at + count - 1) % count);
    let mut hub = dataset(PG, "d0.hub", true);
    hub.fields.extend((0..count).map(|at| FieldFact {
        name: FieldName::parse(&format!("f{at}")).expect("a field"),
        r#type: None,
        description: None,
    }));
    facts.datasets = vec![dataset(PG, &input, true), dataset(PG, &out, true), hub];
    let make = format!("make-{at}");
    let reads = [&input, &before, &format!("missing-{at}")].map(|text| pg(text));
    job(&make, &reads, &[pg(&out), pg("d0.hub")], &mut facts);
    job(
        &format!("use-{at}"),
        &[pg("d0.hub"), pg(&out)],
        &[],
        &mut facts,
    );
    facts.jobs[0].parent = Some(name(DBT, "all"));
    facts.edges.push(EdgeFact {
        from: pg(&before),
        to: pg(&out),
        via: None,
        evidence: None,
    });
    facts.field_edges = vec![
        field_edge(end(&input, Some("id")), end(&out, Some("id")), &make),
        field_edge(end(&input, None), end(&out, Some("amount")), &make),
        field_edge(end(&before, Some("id")), end(&out, Some("id")), &make),
        field_edge(end(&out, Some("id")), end("d0.hub", Some("f0")), &make),
        field_edge(end("d0.hub", Some("f0")), end(&out, Some("status")), &make),
    ];
    for on in [pg(&out), pg("d0.hub"), name(DBT, &make).job()] {
        let team = format!("team-{at}");
        facts.attributes.push(attribute(on.clone(), "owner", &team));
        facts
            .attributes
            .push(attribute(on, "tag", &format!("tag-{at}")));
    }
    let mut of_field = attribute(pg("d0.hub"), "tag", &format!("tag-{at}"));
    of_field.field = Some(FieldName::parse("f0").expect("a field"));
    facts.attributes.push(of_field);
    for (dataset, product) in [
        (&out, "made".to_owned()),
        (&"d0.hub".to_owned(), format!("p{at}")),
    ] {
        facts
            .attributes
            .push(attribute(pg(dataset), "data-product", &product));
        facts.attributes.push(attribute(
            pg(dataset),
            "data-product-description",
            "what it offers",
        ));
        facts
            .attributes
            .push(attribute(pg(dataset), "output-port", "true"));
    }
    for of in [&out, "d0.hub"] {
        facts.aliases.push(AliasFact {
            of: pg(of),
            alias: name(LAKE, &format!("{of}/{at}")),
            reason: "it is written to that path".into(),
            evidence: None,
        });
    }
    facts
}

/// A run of `load-<at>`, or of `load`, that is a part of the one run of `all`.
fn run_of(of: &str, at: usize, state: RunState) -> Submission {
    let details = RunDetails {
        parent: Some((name(DBT, "all"), RunId::parse("whole").expect("an id"))),
        ..RunDetails::default()
    };
    let seconds = 10 * at as i64 + i64::from(state == RunState::Complete);
    let id = format!("run-{of}-{at}");
    let (reads, writes) = (format!("d{at}.in"), format!("d{at}.loaded"));
    let mut event = run_event(&id, seconds, state, (&[&reads], &[&writes]), details);
    if let Statement::Event(event) = &mut event.statement {
        if let EventSubject::Run { job, .. } = &mut event.subject {
            *job = name(DBT, of);
        }
        for job in &mut event.facts.jobs {
            job.name = name(DBT, of);
        }
        for edge in &mut event.facts.edges {
            for end in [&mut edge.from, &mut edge.to] {
                if *end == name(DBT, "load").job() {
                    *end = name(DBT, of).job();
                }
            }
        }
    }
    event
}

fn failing(source: &str, count: usize) -> Submission {
    let warning = Diagnostic::new(Severity::Error, "test/odd", "something is odd");
    snapshot(source, Facts::default(), vec![warning; count])
}

/// A mesh in which every list is as long as `count`, or longer.
fn world(count: usize) -> (Arc<Counting>, Api) {
    let state = Arc::new(Counting::default());
    let log = Arc::new(MemoryLog::new());
    let shared = Arc::clone(&state) as Arc<dyn State>;
    let (engine, _) = Engine::open(log, shared, EngineOptions::default()).expect("an engine");
    let domains = (0..count).map(|at| {
        let pattern = format!("postgres://db:5432/d{at}.*");
        let mut domain = domain(&format!("d{at}"), "ann", &pattern);
        domain.owners = (0..count).map(|at| format!("team-{at}").into()).collect();
        domain
    });
    let mesh = Mesh::new(10, domains.collect()).expect("a mesh");
    let now = Timestamp::from_micros(1_767_225_600_000_000);
    engine.set_mesh(mesh, now).expect("accepted");
    let mut whole = run_of("all", 0, RunState::Start);
    if let Statement::Event(event) = &mut whole.statement
        && let EventSubject::Run { run, details, .. } = &mut event.subject
    {
        *run = RunId::parse("whole").expect("an id");
        details.parent = None;
    }
    let mut submissions = vec![whole];
    for at in 0..count {
        submissions.push(snapshot(
            &format!("d{at}/dbt"),
            of_domain(at, count),
            Vec::new(),
        ));
        submissions.push(snapshot(
            &format!("d0/part-{at}"),
            of_domain(at, count),
            Vec::new(),
        ));
        submissions.push(failing(&format!("d{at}/broken"), count));
        submissions.push(failing("d0/many", at + 1));
        for of in ["load", &format!("load-{at}")] {
            submissions.push(run_of(of, at, RunState::Start));
            submissions.push(run_of(of, at, RunState::Complete));
        }
        let mut fan = run_of(&format!("fan-{at}"), at, RunState::Start);
        if let Statement::Event(event) = &mut fan.statement {
            event
                .facts
                .datasets
                .extend((0..count).map(|at| DatasetFact {
                    is_declared: false,
                    ..dataset(PG, &format!("d{at}.wide"), true)
                }));
            for to in 0..count {
                let job = name(DBT, &format!("fan-{at}")).job();
                let wide = pg(&format!("d{to}.wide"));
                let edge = |from: &AssetName, to: &AssetName| EdgeFact {
                    from: from.clone(),
                    to: to.clone(),
                    via: None,
                    evidence: None,
                };
                event.facts.edges.push(edge(&job, &wide));
                event.facts.edges.push(edge(&wide, &job));
            }
        }
        submissions.push(fan);
    }
    for submission in submissions {
        engine.submit_and_wait(submission).expect("accepted");
    }
    let limits = Limits {
        complexity_max: 1 << 40,
        ..Limits::default()
    };
    (state, Api::new(Arc::new(engine), limits))
}

/// All of an asset that is no list.
const SCALARS: &str = "id reference namespace name type description url domain { id name description } firstSeen \
    lastSeen retiredAt facets";
/// All of a run that is no list.
const RUN: &str = "id runId job { description } state startedAt endedAt error facets parent { runId job { sql } \
    facets }";
const ASSERTED: &str = "assertedBy { source { name isStale lastSubmission { offset addedCount } } validFrom \
    assertedAt evidence { artifact note run { runId inputs { nodes { name } } parent { runId } } } }";

/// A question, and the lists of the schema that it asks for.
type Question = (&'static [&'static str], String);

/// All of an edge.
fn edge() -> String {
    format!(
        "from to kind lastSeen via {{ {SCALARS} }} {ASSERTED} transformations {{ type subtype }}"
    )
}

/// All of a field.
fn field() -> String {
    format!(
        "id reference name type description tags {{ name assertedBy {{ name }} }} attributes {{ key value }} dataset {{ description }} \
            upstream {{ totalCount nodes {{ from {{ name type }} to {{ name type }} via {{ sql }} \
                transformations {{ type }} {ASSERTED} }} edges {{ cursor }} }} \
            downstream {{ nodes {{ from {{ type }} to {{ description }} transformations {{ subtype }} {ASSERTED} }} }}"
    )
}

/// Questions for assets.
fn of_assets() -> Vec<Question> {
    let field = field();
    let run = format!(
        "{RUN} inputs {{ totalCount nodes {{ {SCALARS} }} edges {{ cursor }} }} outputs {{ nodes {{ {SCALARS} \
            lastWrite {{ {RUN} }} }} }}"
    );
    let filter = |text: &str| format!("first: 100, filter: {{ text: \"{text}\" }}");
    vec![
        (
            &["Query.assets", "Asset.owners", "Asset.tags", "Asset.attributes", "Asset.assertedBy",
                "Tag.assertedBy", "Attribute.assertedBy"],
            format!(
                "{{ assets(first: 1000) {{ totalCount edges {{ node {{ {SCALARS} owners {{ name }} \
                    tags {{ name assertedBy {{ name }} }} attributes {{ key assertedBy {{ name }} }} {ASSERTED} }} }} }} }}"
            ),
        ),
        (
            &["Dataset.owners", "Dataset.tags", "Dataset.attributes", "Dataset.assertedBy", "Dataset.aliases", "Dataset.fields",
                "Field.tags", "Field.attributes", "Field.upstream", "Field.downstream", "FieldLink.transformations",
                "FieldLink.assertedBy"],
            format!(
                "{{ assets({}) {{ nodes {{ ... on Dataset {{ {SCALARS} owners {{ name }} tags {{ name }} attributes {{ key }} {ASSERTED} \
                    dataProduct {{ description owners {{ name }} }} aliases {{ name source {{ name }} }} \
                    lastWrite {{ {RUN} }} fields {{ totalCount nodes {{ {field} }} }} }} }} }} }}",
                filter("out")
            ),
        ),
        (
            &["Dataset.producedBy", "Dataset.consumedBy", "Job.owners", "Job.tags", "Job.attributes", "Job.assertedBy",
                "Job.inputs", "Job.outputs", "Job.runs", "Run.inputs", "Run.outputs"],
            format!(
                "{{ assets({}) {{ nodes {{ ... on Dataset {{ producedBy {{ nodes {{ {SCALARS} sql parent {{ sql }} \
                    owners {{ name }} tags {{ name }} attributes {{ value }} {ASSERTED} latestRun {{ {RUN} }} inputs {{ nodes {{ description }} }} \
                    outputs {{ nodes {{ description }} }} runs {{ totalCount nodes {{ {run} }} edges {{ cursor }} }} }} }} \
                    consumedBy {{ nodes {{ {SCALARS} latestRun {{ {run} }} }} }} }} }} }} }}",
                filter("d")
            ),
        ),
        (
            &["Dataset.mentionedBy", "Mention.sources", "Mention.jobs", "Dataset.nearestDeclared",
                "Job.parts", "JobPart.inputs", "JobPart.outputs"],
            format!(
                "{{ assets({}) {{ nodes {{ ... on Dataset {{ nearestDeclared {{ {SCALARS} }} mentionedBy {{ \
                    domain {{ description }} sources {{ name isStale }} jobs {{ {SCALARS} parts {{ name reason \
                    inputs {{ {SCALARS} }} outputs {{ {SCALARS} }} }} }} }} }} }} }} }}",
                filter("d")
            ),
        ),
        (
            &["Query.search"],
            format!(
                "{{ search(text: \"all of\", first: 100) {{ totalCount nodes {{ matched entity {{ \
                    ... on Dataset {{ {SCALARS} }} ... on Job {{ {SCALARS} }} ... on Field {{ type }} }} }} }} \
                  d: search(text: \"d\", first: 100) {{ nodes {{ matched entity {{ ... on Domain {{ description }} \
                    ... on DataProduct {{ description }} ... on Dataset {{ {SCALARS} }} }} }} }} }}"
            ),
        ),
        (
            &["Query.unresolved"],
            format!("{{ unresolved(first: 100) {{ totalCount nodes {{ {SCALARS} {ASSERTED} }} }} }}"),
        ),
        (
            &["Catalog.datasets", "CatalogEntry.fields"],
            format!("{{ catalog(of: [\"{PG}/d0.hub\"]) {{ datasets {{ fields }} }} }}"),
        ),
        (
            &["Resolution.steps", "Resolution.candidates"],
            "{ resolve(reference: \"id\") { steps } many: resolve(reference: \"out\") { steps candidates { description } } }"
                .to_owned(),
        ),
    ]
}

/// Questions for what is walked, and for domains.
fn of_walks() -> Vec<Question> {
    let edge = edge();
    let field = field();
    vec![
        (
            &[
                "Lineage.nodes",
                "Lineage.edges",
                "LineageEdge.transformations",
                "LineageEdge.assertedBy",
                "Completeness.frontier",
                "Completeness.cutBy",
                "Completeness.staleSources",
            ],
            format!(
                "{{ assets: lineage(of: \"{PG}/d0.hub\", depth: 3) {{ nodes {{ hops entity {{ ... on Dataset {{ {SCALARS} }} \
                    ... on Job {{ {SCALARS} }} }} }} edges {{ {edge} }} completeness {{ cutBy frontier \
                    staleSources {{ name lastSubmission {{ offset }} }} }} }} \
                  fields: lineage(of: \"{PG}/d0.hub\", depth: 3, granularity: FIELD) {{ nodes {{ entity {{ \
                    ... on Field {{ type description }} ... on Dataset {{ {SCALARS} }} }} }} edges {{ {edge} }} }} }}"
            ),
        ),
        (
            &[
                "Impact.assets",
                "Impact.byDomain",
                "Impact.byOwner",
                "Impact.byType",
                "Impact.byHops",
                "ImpactedAsset.fields",
                "ImpactedAsset.effects",
                "ImpactedAsset.path",
            ],
            format!(
                "{{ impact(of: \"{PG}/d0.out#id\", granularity: FIELD) {{ byDomain {{ key }} byOwner {{ key }} byType {{ key }} \
                    byHops {{ key }} assets(first: 1000) {{ totalCount nodes {{ hops crossesDomain asset {{ {SCALARS} }} \
                    fields {{ {field} }} effects {{ type subtype }} path {{ {SCALARS} }} }} }} }} }}"
            ),
        ),
        (
            &["Paths.paths", "Path.assets", "Path.fields"],
            format!(
                "{{ paths(from: \"{PG}/d0.in#id\", to: \"{PG}/d0.hub#f0\", first: 100, granularity: FIELD) {{ paths {{ \
                    assets {{ {SCALARS} }} fields {{ name type tags {{ name }} upstream {{ totalCount }} }} }} }} }}"
            ),
        ),
        (
            &[
                "Query.domains",
                "Domain.owners",
                "Domain.datasets",
                "Domain.dataProducts",
                "Domain.sources",
                "Domain.dependsOn",
                "Domain.dependedOnBy",
                "DataProduct.owners",
                "DataProduct.outputPorts",
                "Source.submissions",
                "Submission.diagnostics",
                "DomainLink.crossings",
            ],
            format!(
                "{{ domains {{ description owners {{ name }} datasets {{ totalCount nodes {{ {SCALARS} }} }} \
                    dataProducts {{ description owners {{ name }} outputPorts {{ totalCount nodes {{ {SCALARS} }} }} }} \
                    sources {{ name lastSubmission {{ offset }} submissions {{ totalCount pageInfo {{ hasNextPage }} \
                        nodes {{ offset unchangedCount diagnostics {{ totalCount nodes {{ message line }} }} }} }} }} \
                    dependsOn {{ datasetEdgeCount crossings {{ totalCount nodes {{ {edge} }} edges {{ cursor }} }} }} \
                    dependedOnBy {{ fieldEdgeCount crossings {{ nodes {{ {edge} }} }} }} }} }}"
            ),
        ),
        (
            &[
                "LineageDiff.addedAssets",
                "LineageDiff.removedAssets",
                "LineageDiff.addedEdges",
                "LineageDiff.removedEdges",
            ],
            format!(
                "{{ diff(from: {{knownAt: 1}}, to: {{}}) {{ addedAssets {{ nodes {{ {SCALARS} }} }} \
                    removedAssets {{ nodes {{ {SCALARS} }} }} addedEdges {{ totalCount nodes {{ {edge} }} }} \
                    removedEdges {{ nodes {{ {edge} }} }} from {{ offset }} to {{ offset }} }} }}"
            ),
        ),
        (
            &["Query.history"],
            format!(
                "{{ history(of: \"{PG}/d0.hub\", first: 500) {{ totalCount nodes {{ about \
                    assertion {{ validFrom source {{ name }} evidence {{ line run {{ {RUN} }} }} }} }} }} }}"
            ),
        ),
        (
            &["DomainGraph.domains", "DomainGraph.edges"],
            format!(
                "{{ domainGraph {{ domains {{ name description }} edges {{ from {{ name }} throughPortsCount \
                    crossings {{ nodes {{ {edge} }} }} }} }} }}"
            ),
        ),
    ]
}

/// Lists that are not as long as anything that was submitted, and for which the state is not asked.
const OF_THE_SERVICE: [&str; 14] = [
    "Query.plugins",
    "Plugin.inputs",
    "ChangeSet.changes",
    "Extraction.diagnostics",
    "Fetch.urls",
    "PluginActivation.sources",
    "PluginActivation.untried",
    "Query.sourceBindings",
    "SourceBinding.artifacts",
    "SourceBinding.extractions",
    "SourceChange.added",
    "SourceChange.diagnostics",
    "SourceChange.downstream",
    "SourceChange.removed",
];

/// Every list that the schema serves, as type and field; pages by the field that gives them.
fn lists_served() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let (mut of, mut is_text) = (None, false);
    for line in Api::sdl().lines() {
        let line = line.trim();
        if line.starts_with("\"\"\"") {
            is_text = !is_text && (line.len() == 3 || !line.ends_with("\"\"\""));
            continue;
        }
        let opened = line
            .strip_prefix("type ")
            .or_else(|| line.strip_prefix("interface "));
        if let Some(opened) = opened.filter(|_| !is_text) {
            of = opened.split_whitespace().next().map(str::to_owned);
        } else if line == "}" {
            of = None;
        }
        let is_field = !is_text && (line.contains(": ") || line.contains("): "));
        let Some(of) = of.as_ref().filter(|_| is_field) else {
            continue;
        };
        let gives = line.rsplit(": ").next().unwrap_or_default();
        let name = line.split(['(', ':']).next().unwrap_or_default();
        let is_page = of.ends_with("Connection");
        if !is_page && (gives.starts_with('[') || gives.contains("Connection!")) {
            found.insert(format!("{of}.{name}"));
        }
    }
    found
}

#[test]
fn lists_of_any_length_take_as_many_calls_of_the_state() {
    let (small, large) = (world(3), world(9));
    for (lists, query) in of_assets().into_iter().chain(of_walks()) {
        let (few, of_small) = calls(&small.0, &small.1, &query);
        let (many, of_large) = calls(&large.0, &large.1, &query);
        let sizes = [of_small, of_large].map(|answer| answer.to_string().len());
        assert!(
            sizes[1] > sizes[0] * 6 / 5,
            "{lists:?} grow: {sizes:?} bytes"
        );
        assert_eq!(few, many, "{lists:?}: {query}");
        assert!(many < 60, "{lists:?} take {many} calls");
    }
}

#[test]
fn every_list_of_the_schema_is_asked_for() {
    let questions = [of_assets(), of_walks()].concat();
    let asked: BTreeSet<String> = questions
        .iter()
        .flat_map(|(lists, _)| lists.iter())
        .chain(&OF_THE_SERVICE)
        .map(|list| (*list).to_owned())
        .collect();
    let missing: Vec<String> = lists_served().difference(&asked).cloned().collect();
    assert_eq!(missing, Vec::<String>::new());
}
