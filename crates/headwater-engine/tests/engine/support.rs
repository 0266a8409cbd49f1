//! A small language for tests: who says what, and what the graph is then.

use std::sync::Arc;

use headwater_engine::{
    Caller, Engine, EngineOptions, Receipt, Recovery, Root, SubmitError, View, WalkEdge,
};
use headwater_model::{
    AliasFact, AssetIndex, AssetKind, AssetName, AttributeFact, AttributeKey, Coverage,
    DatasetFact, Diagnostic, Digest, EdgeFact, Event, EventSubject, Facts, FieldEdgeFact, FieldEnd,
    FieldFact, FieldName, JobFact, Name, Namespace, QualifiedName, RunDetails, RunId, RunState,
    Severity, Snapshot, SourceKey, Statement, Submission, Timestamp, TypeName,
};
use headwater_store::{Log, MemoryLog, MemoryState, State};

pub(crate) const SECOND: i64 = 1_000_000;

/// An engine in memory whose parts outlive it.
pub(crate) struct Fixture {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) state: Arc<dyn State>,
    pub(crate) engine: Engine,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::over(Arc::new(MemoryLog::new()), Arc::new(MemoryState::new())).0
    }

    pub(crate) fn over(log: Arc<dyn Log>, state: Arc<dyn State>) -> (Self, Recovery) {
        Self::with(log, state, EngineOptions::default())
    }

    pub(crate) fn with(
        log: Arc<dyn Log>,
        state: Arc<dyn State>,
        options: EngineOptions,
    ) -> (Self, Recovery) {
        let (engine, recovery) =
            Engine::open(Arc::clone(&log), Arc::clone(&state), options).expect("it opens");
        let fixture = Self { log, state, engine };
        (fixture, recovery)
    }

    pub(crate) fn view(&self) -> View {
        self.engine.view(Caller::everyone())
    }

    pub(crate) fn is_stale(&self, source: &str) -> bool {
        let (view, key) = (self.view(), SourceKey::parse(source).expect("a source"));
        view.is_stale(&view.source(&key).expect("it submitted"))
    }

    pub(crate) fn submit(&self, submission: Submission) -> Receipt {
        self.try_submit(submission).expect("it is accepted")
    }

    pub(crate) fn try_submit(&self, submission: Submission) -> Result<Receipt, SubmitError> {
        self.engine.submit_and_wait(submission)
    }

    /// The edges of the graph, one a line.
    pub(crate) fn edges(&self) -> String {
        edges(&self.view())
    }
}

/// The edges that can be walked to from any asset, one a line: `a -> b`, `a -> b via j`.
pub(crate) fn edges(view: &View) -> String {
    use headwater_model::EdgeKind;
    let (assets, _) = view.graph_size();
    let name = |index| {
        view.asset(index)
            .map(|a| a.name.to_owned())
            .unwrap_or_default()
    };
    let mut lines = Vec::new();
    for index in 0..assets as u32 {
        let index = AssetIndex::new(index);
        let question = headwater_engine::LineageQuestion {
            of: vec![root(index)],
            granularity: headwater_engine::Granularity::Dataset,
            direction: headwater_engine::Direction::Downstream,
            depth_hops_max: Some(1),
            filter: None,
            stop_at: None,
            nodes_max: 10_000,
            edges_max: 10_000,
            is_over: &|| false,
        };
        for edge in view.lineage(&question).edges {
            let WalkEdge::Assets(edge) = edge else {
                continue;
            };
            if edge.from != index {
                continue;
            }
            let via = edge
                .via
                .map(|via| format!(" via {}", name(via)))
                .unwrap_or_default();
            lines.push(format!("{} -> {}{via}", name(edge.from), name(edge.to)));
        }
        for to in view.neighbours(index, EdgeKind::Writes, false) {
            lines.push(format!("{} -> {}", name(index), name(to)));
        }
    }
    lines.sort();
    lines.dedup();
    lines.join("\n")
}

/// The whole of an asset, as where a walk starts.
pub(crate) fn root(asset: AssetIndex) -> Root {
    Root { asset, field: None }
}

pub(crate) fn dataset(name: &str) -> QualifiedName {
    QualifiedName::new(
        Namespace::parse("db").expect("a namespace"),
        Name::parse(name).expect("a name"),
    )
}

pub(crate) fn job(name: &str) -> QualifiedName {
    QualifiedName::new(
        Namespace::parse("etl").expect("a namespace"),
        Name::parse(name).expect("a name"),
    )
}

pub(crate) fn source(text: &str) -> SourceKey {
    SourceKey::parse(text).expect("a source")
}

pub(crate) fn mention(name: &str, is_declared: bool) -> DatasetFact {
    DatasetFact {
        name: dataset(name),
        r#type: TypeName::dataset(),
        is_declared,
        description: None,
        fields: Vec::new(),
        evidence: None,
    }
}

pub(crate) fn job_fact(name: &str) -> JobFact {
    JobFact {
        name: job(name),
        r#type: TypeName::job(),
        description: None,
        sql: None,
        parent: None,
        evidence: None,
    }
}

pub(crate) fn edge(from: AssetName, to: AssetName, via: Option<&str>) -> EdgeFact {
    EdgeFact {
        from,
        to,
        via: via.map(job),
        evidence: None,
    }
}

/// Facts in one line: `a, b -> j -> c, d` is a job with inputs and outputs, `a => b @j` a derived dataset, `b @j`
/// that all that `j` makes `b` from is stated, `j ~> k` a job after a job, `?x` a dataset that is only mentioned, `x` one
/// that is declared, `x.f:t` a field, `a#f => b#g @j` a derived field (`*` the whole dataset), `x = y` an alias, `x!` a
/// port.
pub(crate) fn facts(text: &str) -> Facts {
    let mut facts = Facts::default();
    for part in text
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        statement(&mut facts, part);
    }
    facts
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// `a#x => b#y @j`, with `*` for the dataset as a whole.
fn field_edge(facts: &mut Facts, part: &str) {
    let (ends, via) = match part.split_once('@') {
        Some((ends, via)) => (ends, Some(via.trim())),
        None => (part, None),
    };
    let end = |text: &str| {
        let (name, field) = text.trim().split_once('#').expect("an end has a field");
        FieldEnd {
            dataset: dataset(name),
            field: (field != "*").then(|| FieldName::parse(field).expect("a field")),
        }
    };
    let (from, to) = ends.split_once("=>").expect("an edge has two ends");
    facts.field_edges.push(FieldEdgeFact {
        from: end(from),
        to: end(to),
        via: via.map(job),
        transformations: Vec::new(),
        evidence: None,
    });
}

fn statement(facts: &mut Facts, part: &str) {
    if part.contains('#') {
        field_edge(facts, part);
    } else if let Some((from, rest)) = part.split_once("=>") {
        let (to, via) = match rest.split_once('@') {
            Some((to, via)) => (to.trim(), Some(via.trim())),
            None => (rest.trim(), None),
        };
        for from in names(from) {
            facts
                .edges
                .push(edge(dataset(from).dataset(), dataset(to).dataset(), via));
        }
    } else if let Some((from, to)) = part.split_once("~>") {
        facts
            .edges
            .push(edge(job(from.trim()).job(), job(to.trim()).job(), None));
    } else if let Some((to, via)) = part.split_once('@') {
        let via = via.trim();
        facts.edges.push(edge(
            job(via).job(),
            dataset(to.trim()).dataset(),
            Some(via),
        ));
    } else if part.contains("->") {
        let mut parts = part.split("->");
        let (inputs, name, outputs) = (parts.next(), parts.next(), parts.next());
        let name = name.expect("a job stands between").trim();
        facts.jobs.push(job_fact(name));
        for input in names(inputs.unwrap_or_default()) {
            facts.datasets.push(mention(input, false));
            facts
                .edges
                .push(edge(dataset(input).dataset(), job(name).job(), None));
        }
        for output in names(outputs.unwrap_or_default()) {
            facts.datasets.push(mention(output, true));
            facts
                .edges
                .push(edge(job(name).job(), dataset(output).dataset(), None));
        }
    } else if let Some((name, alias)) = part.split_once('=') {
        facts.aliases.push(AliasFact {
            of: dataset(name.trim()).dataset(),
            alias: dataset(alias.trim()),
            reason: "the test says so".into(),
            evidence: None,
        });
    } else if let Some((name, field)) = part.split_once('.') {
        let (field, data_type) = field.split_once(':').unwrap_or((field, "text"));
        let at = facts.datasets.iter().position(|d| d.name == dataset(name));
        let at = at.unwrap_or_else(|| {
            facts.datasets.push(mention(name, true));
            facts.datasets.len() - 1
        });
        facts.datasets[at].fields.push(FieldFact {
            name: FieldName::parse(field).expect("a field"),
            r#type: Some(data_type.into()),
            description: None,
        });
    } else if let Some(name) = part.strip_suffix('!') {
        facts
            .attributes
            .push(attribute(name, "output-port", "true"));
    } else if let Some(name) = part.strip_prefix('?') {
        facts.datasets.push(mention(name, false));
    } else {
        facts.datasets.push(mention(part, true));
    }
}

pub(crate) fn attribute(name: &str, key: &str, value: &str) -> AttributeFact {
    AttributeFact {
        on: AssetName {
            kind: AssetKind::Dataset,
            name: dataset(name),
        },
        field: None,
        key: AttributeKey::parse(key).expect("a key"),
        value: value.into(),
    }
}

/// A run event of `job`: `text` is what it reads and writes.
pub(crate) fn event(run: &str, seconds: i64, state: RunState, text: &str) -> Event {
    let facts = facts(text);
    let name = facts.jobs.first().expect("a job").name.clone();
    let names_datasets = !facts.datasets.is_empty() || !facts.edges.is_empty();
    let body = format!("{run} {seconds} {state:?} {text}");
    Event {
        subject: EventSubject::Run {
            job: name,
            run: RunId::parse(run).expect("a run"),
            state,
            details: Box::new(RunDetails::default()),
        },
        time: Timestamp::from_micros(seconds * SECOND),
        facts,
        names_datasets,
        definition: None,
        diagnostics: Vec::new(),
        digest: Digest::of(body.as_bytes()),
        body: body.into(),
    }
}

/// An event about `job` itself: `text` is what it is designed to read and write.
pub(crate) fn job_event(seconds: i64, text: &str) -> Event {
    let mut event = event("none", seconds, RunState::Other, text);
    let name = event.facts.jobs[0].name.clone();
    event.subject = EventSubject::Job(name);
    event
}

pub(crate) fn events_of(key: &str, event: Event) -> Submission {
    Submission {
        source: source(key),
        principal: None,
        received_at: Timestamp::from_micros(1_000_000 * SECOND),
        statement: Statement::Event(Box::new(event)),
    }
}

/// A snapshot that covers everything.
pub(crate) fn snapshot(key: &str, seconds: i64, text: &str) -> Submission {
    snapshot_of(key, seconds, text, Coverage::ALL, false)
}

pub(crate) fn snapshot_of(
    key: &str,
    seconds: i64,
    text: &str,
    covers: Coverage,
    has_error: bool,
) -> Submission {
    let error = Diagnostic::new(Severity::Error, "test/error", "something could not be read");
    Submission {
        source: source(key),
        principal: None,
        received_at: Timestamp::from_micros(2_000_000 * SECOND),
        statement: Statement::Snapshot(Box::new(Snapshot {
            extractor: None,
            generated_at: Some(Timestamp::from_micros(seconds * SECOND)),
            covers,
            facts: facts(text),
            diagnostics: has_error.then_some(error).into_iter().collect(),
            digest: Digest::of(format!("{seconds} {text}").as_bytes()),
            idempotency_key: None,
        })),
    }
}
