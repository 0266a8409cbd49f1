//! From a body to an event.

use std::collections::BTreeMap;

use headwater_model::{
    Digest, EdgeFact, Event, EventSubject, Facts, Name, NameError, Namespace, QualifiedName,
    RunDetails, RunId, RunState, Severity, Timestamp, Zone,
};

use crate::body::{checked_text, redacted, syntax_error};
use crate::canonical;
use crate::dataset::{Part, Role};
use crate::error::{EventError, EventRule, quoted};
use crate::findings::Findings;
use crate::lineage::Explicit;
use crate::node::{Node, TextOf};
use crate::pointer::Place;
use crate::wire::{DatasetRecord, EventRecord, JobRecord};

/// What to do with events that break the specification and can still be understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Accept them, and say so in diagnostics.
    #[default]
    Lenient,
    /// Refuse them.
    Strict,
}

/// Reads the decoded body of one event, leniently.
///
/// # Errors
/// [`EventError`] names the place, the rule and what was found.
pub fn parse_event(body: &[u8]) -> Result<Event, EventError> {
    parse_event_with(body, Mode::Lenient)
}

/// Reads the decoded body of one event.
///
/// # Errors
/// [`EventError`] names the place, the rule and what was found.
pub fn parse_event_with(body: &[u8], mode: Mode) -> Result<Event, EventError> {
    let text = checked_text(body)?;
    let node: Node<EventRecord<'_>> =
        serde_json::from_str(text).map_err(|error| syntax_error(text, &error))?;
    let record = node.required(&Place::ROOT)?;

    let mut reader = Reader::new(mode);
    let (subject, definition) = match reader.kind(record)? {
        Kind::Run => reader.run_event(record)?,
        Kind::Job => reader.job_event(record)?,
        Kind::Dataset => (reader.dataset_event(record)?, None),
    };
    let at = Place::ROOT.key("eventTime");
    let time = reader.time(record.event_time.required(&at)?, &at)?;
    if let Err(fault) = said_uri(&record.producer, &Place::ROOT.key("producer")) {
        reader
            .findings
            .tolerate("openlineage/producer", fault, "read all the same")?;
    }

    let mut facts = reader.facts;
    canonical::arrange(&mut facts, reader.first_input_facet);
    Ok(Event {
        subject,
        time,
        names_datasets: !facts.datasets.is_empty() || !facts.edges.is_empty(),
        facts,
        definition,
        diagnostics: reader.findings.into_diagnostics(),
        digest: Digest::of(body),
        body: redacted(text, reader.redactions),
    })
}

/// The three kinds of event.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Run,
    Job,
    Dataset,
}

impl Kind {
    /// What the end of a `schemaURL` names, for example `…/OpenLineage.json#/$defs/RunEvent`.
    fn claimed(schema_url: &str) -> Option<Self> {
        match schema_url.rsplit('/').next()? {
            "RunEvent" => Some(Self::Run),
            "JobEvent" => Some(Self::Job),
            "DatasetEvent" => Some(Self::Dataset),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Run => "RunEvent",
            Self::Job => "JobEvent",
            Self::Dataset => "DatasetEvent",
        }
    }
}

/// Reads one event; collects facts and findings on the way.
pub(crate) struct Reader<'de> {
    /// What is found.
    pub(crate) findings: Findings,
    /// What is stated, in the order of reading.
    pub(crate) facts: Facts,
    /// Parts of the body that are replaced because they hold credentials.
    pub(crate) redactions: Vec<(&'de str, String)>,
    /// Facets before this one are of the job and of outputs, and win over those of inputs.
    first_input_facet: usize,
    /// Names of datasets seen before: column lineage repeats them for every field.
    names: BTreeMap<(TextOf<'de>, TextOf<'de>), QualifiedName>,
    /// False once something in the facet that is being read was not as specified.
    pub(crate) is_understood: bool,
    /// True once something in that facet was understood for which there is no fact.
    pub(crate) says_more: bool,
    /// What is done about facets that are not as specified.
    pub(crate) done: &'static str,
    /// What explicit lineage settles for what the job writes.
    pub(crate) explicit: Explicit,
}

impl<'de> Reader<'de> {
    fn new(mode: Mode) -> Self {
        Self {
            findings: Findings::new(mode),
            facts: Facts::default(),
            redactions: Vec::new(),
            first_input_facet: 0,
            names: BTreeMap::new(),
            is_understood: true,
            says_more: false,
            done: "left out",
            explicit: Explicit::default(),
        }
    }

    fn kind(&mut self, record: &EventRecord<'_>) -> Result<Kind, EventError> {
        let is_there = [
            ("run", matches!(record.run, Node::Is(_) | Node::Wrong(_))),
            ("job", matches!(record.job, Node::Is(_) | Node::Wrong(_))),
            (
                "dataset",
                matches!(record.dataset, Node::Is(_) | Node::Wrong(_)),
            ),
        ];
        let [(_, has_run), (_, has_job), (_, has_dataset)] = is_there;
        let at = Place::ROOT.key("schemaURL");
        let claimed = match said_uri(&record.schema_url, &at) {
            Ok(schema_url) => Kind::claimed(schema_url),
            Err(fault) => {
                let done = "the keys of the event decide its kind";
                self.findings
                    .tolerate("openlineage/schema-url", fault, done)?;
                None
            }
        };
        let Some(kind) = claimed else {
            return match (has_run, has_job, has_dataset) {
                (true, _, _) => Ok(Kind::Run),
                (_, true, _) => Ok(Kind::Job),
                (_, _, true) => Ok(Kind::Dataset),
                _ => Err(no_subject(record)),
            };
        };
        let foreign = match kind {
            Kind::Run => &[],
            Kind::Job => &is_there[..1],
            Kind::Dataset => &is_there[..2],
        };
        if let Some((found, _)) = foreign.iter().find(|(_, is_there)| *is_there) {
            let claimed = kind.as_str();
            let fault = EventError::new(&at, EventRule::Kind { claimed, found });
            self.findings
                .tolerate("openlineage/kind", fault, "read as what schemaURL names")?;
        }
        Ok(kind)
    }

    fn run_event(
        &mut self,
        record: &EventRecord<'de>,
    ) -> Result<(EventSubject, Option<Digest>), EventError> {
        let at = Place::ROOT.key("run");
        let run_record = record.run.required(&at)?;
        let run = self.run_id(&run_record.run_id, &at.key("runId"))?;
        let (job_record, job) = job_of(record)?;
        let state = self.run_state(&record.event_type, &Place::ROOT.key("eventType"))?;
        let (details, parent) = self.run_details(&run_record.facets, &at.key("facets"))?;
        let parent = parent.filter(|parent| *parent != job);
        let definition = self.job(job_record, &job, parent, &Place::ROOT.key("job"))?;
        self.datasets(record, &job)?;
        let details: Box<RunDetails> = Box::new(details);
        let subject = EventSubject::Run {
            job,
            run,
            state,
            details,
        };
        Ok((subject, definition))
    }

    fn job_event(
        &mut self,
        record: &EventRecord<'de>,
    ) -> Result<(EventSubject, Option<Digest>), EventError> {
        let (job_record, job) = job_of(record)?;
        let definition = self.job(job_record, &job, None, &Place::ROOT.key("job"))?;
        self.datasets(record, &job)?;
        Ok((EventSubject::Job(job), definition))
    }

    fn dataset_event(&mut self, record: &EventRecord<'de>) -> Result<EventSubject, EventError> {
        let at = Place::ROOT.key("dataset");
        let role = Role {
            part: Part::Subject,
            via: None,
        };
        let dataset = self.dataset(record.dataset.required(&at)?, role, &at)?;
        self.first_input_facet = self.facts.facets.len();
        Ok(EventSubject::Dataset(dataset))
    }

    /// Reads the datasets that `job` writes and reads.
    fn datasets(
        &mut self,
        record: &EventRecord<'de>,
        job: &QualifiedName,
    ) -> Result<(), EventError> {
        let at = Place::ROOT.key("outputs");
        for (index, node) in self.list(&record.outputs, &at)?.iter().enumerate() {
            let at = at.index(index);
            let role = Role {
                part: Part::Output,
                via: Some(job),
            };
            let dataset = self.dataset(node.required(&at)?, role, &at)?;
            self.facts.edges.push(EdgeFact {
                from: job.clone().job(),
                to: dataset.dataset(),
                via: None,
                evidence: None,
            });
        }
        self.first_input_facet = self.facts.facets.len();
        let at = Place::ROOT.key("inputs");
        for (index, node) in self.list(&record.inputs, &at)?.iter().enumerate() {
            let at = at.index(index);
            // How an input came to be is not this job's doing.
            let role = Role {
                part: Part::Input,
                via: None,
            };
            let dataset = self.dataset(node.required(&at)?, role, &at)?;
            self.facts.edges.push(EdgeFact {
                from: dataset.dataset(),
                to: job.clone().job(),
                via: None,
                evidence: None,
            });
        }
        self.close_ways(job);
        Ok(())
    }

    fn list<'n>(
        &mut self,
        node: &'n Node<Vec<Node<DatasetRecord<'de>>>>,
        at: &Place<'_>,
    ) -> Result<&'n [Node<DatasetRecord<'de>>], EventError> {
        match node {
            Node::Absent => Ok(&[]),
            Node::Null => {
                self.tolerate_null("a list", at)?;
                Ok(&[])
            }
            node => node.required(at).map(Vec::as_slice),
        }
    }

    /// Notes that `null` stands for something empty.
    pub(crate) fn tolerate_null(
        &mut self,
        expected: &'static str,
        at: &Place<'_>,
    ) -> Result<(), EventError> {
        let found = "null".to_owned();
        let fault = EventError::new(at, EventRule::Wrong { expected, found });
        self.findings
            .tolerate("openlineage/null", fault, "taken as empty")
    }

    /// Reads the id of a run.
    pub(crate) fn run_id(
        &mut self,
        node: &Node<TextOf<'_>>,
        at: &Place<'_>,
    ) -> Result<RunId, EventError> {
        let text = node.required(at)?;
        let run = RunId::parse(text).map_err(|rule| name_error(at, text, rule))?;
        if !is_uuid(text) {
            let found = quoted(text);
            let fault = EventError::new(at, EventRule::RunId { found });
            self.findings
                .tolerate("openlineage/run-id", fault, "kept as written")?;
        }
        Ok(run)
    }

    fn run_state(
        &mut self,
        node: &Node<TextOf<'_>>,
        at: &Place<'_>,
    ) -> Result<RunState, EventError> {
        let code = "openlineage/event-type";
        let found = match node {
            Node::Is(text) => {
                if let Some(state) = state_named(text) {
                    return Ok(state);
                }
                let found = quoted(text);
                if let Some(state) = state_named(&text.trim().to_ascii_uppercase()) {
                    let fault = EventError::new(at, EventRule::EventType { found });
                    let done = format!("taken as {}", state.as_str());
                    self.findings.tolerate(code, fault, &done)?;
                    return Ok(state);
                }
                found
            }
            Node::Absent => {
                let expected = "a run state";
                let fault = EventError::new(at, EventRule::Missing { expected });
                self.findings
                    .note(Severity::Warning, code, &fault, "taken as OTHER");
                return Ok(RunState::Other);
            }
            Node::Null => "null".to_owned(),
            Node::Wrong(found) => found.clone(),
        };
        let fault = EventError::new(at, EventRule::EventType { found });
        self.findings.tolerate(code, fault, "taken as OTHER")?;
        Ok(RunState::Other)
    }

    /// Reads a time; one without a zone is UTC.
    pub(crate) fn time(&mut self, text: &str, at: &Place<'_>) -> Result<Timestamp, EventError> {
        let (time, zone) =
            Timestamp::parse(text).map_err(|error| EventError::new(at, EventRule::Time(error)))?;
        if zone == Zone::Assumed {
            let found = quoted(text);
            let fault = EventError::new(at, EventRule::NoZone { found });
            self.findings
                .tolerate("openlineage/zone", fault, "taken as UTC")?;
        }
        Ok(time)
    }

    /// The name of a dataset; the flag is true if it was not named before.
    pub(crate) fn dataset_name(
        &mut self,
        namespace: &Node<TextOf<'de>>,
        name: &Node<TextOf<'de>>,
        at: &Place<'_>,
    ) -> Result<(QualifiedName, bool), EventError> {
        if let (Node::Is(namespace), Node::Is(name)) = (namespace, name) {
            let key = (namespace.clone(), name.clone());
            if let Some(known) = self.names.get(&key) {
                return Ok((known.clone(), false));
            }
            let dataset = qualified(&Node::Is(key.0.clone()), &Node::Is(key.1.clone()), at)?;
            self.names.insert(key, dataset.clone());
            return Ok((dataset, true));
        }
        qualified(namespace, name, at).map(|dataset| (dataset, true))
    }

    /// The value of a part of a facet, or a finding.
    ///
    /// # Errors
    /// The fault itself, in strict mode.
    pub(crate) fn take<T>(
        &mut self,
        result: Result<T, EventError>,
    ) -> Result<Option<T>, EventError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(fault) => {
                self.is_understood = false;
                self.findings
                    .tolerate("openlineage/facet", fault, self.done)?;
                Ok(None)
            }
        }
    }
}

fn job_of<'n, 'de>(
    record: &'n EventRecord<'de>,
) -> Result<(&'n JobRecord<'de>, QualifiedName), EventError> {
    let at = Place::ROOT.key("job");
    let job = record.job.required(&at)?;
    Ok((job, qualified(&job.namespace, &job.name, &at)?))
}

/// The `namespace` and `name` of what stands at `at`.
pub(crate) fn qualified(
    namespace: &Node<TextOf<'_>>,
    name: &Node<TextOf<'_>>,
    at: &Place<'_>,
) -> Result<QualifiedName, EventError> {
    let namespace_at = at.key("namespace");
    let text = namespace.required(&namespace_at)?;
    let namespace = Namespace::parse(text).map_err(|rule| name_error(&namespace_at, text, rule))?;
    let name_at = at.key("name");
    let text = name.required(&name_at)?;
    let name = Name::parse(text).map_err(|rule| name_error(&name_at, text, rule))?;
    Ok(QualifiedName::new(namespace, name))
}

/// `text` is no name.
pub(crate) fn name_error(at: &Place<'_>, text: &str, rule: NameError) -> EventError {
    let found = quoted(text);
    EventError::new(at, EventRule::Name { rule, found })
}

fn said_uri<'n>(node: &'n Node<TextOf<'_>>, at: &Place<'_>) -> Result<&'n str, EventError> {
    let text = node.required(at)?;
    if text.is_empty() {
        let expected = "a URI";
        return Err(EventError::new(at, EventRule::Missing { expected }));
    }
    Ok(text)
}

fn state_named(text: &str) -> Option<RunState> {
    use RunState::{Abort, Complete, Fail, Other, Running, Start};
    [Start, Running, Complete, Abort, Fail, Other]
        .into_iter()
        .find(|state| state.as_str() == text)
}

/// True for the hyphenated form (RFC 9562), in either case.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn no_subject(record: &EventRecord<'_>) -> EventError {
    let keys = [
        ("eventType", record.event_type.is_present()),
        ("eventTime", record.event_time.is_present()),
        ("inputs", record.inputs.is_present()),
        ("outputs", record.outputs.is_present()),
    ];
    let keys: Vec<&str> = keys
        .iter()
        .filter(|(_, is)| *is)
        .map(|(key, _)| *key)
        .collect();
    let found = if keys.is_empty() {
        "none of the keys of an event".to_owned()
    } else {
        format!("only {}", keys.join(", "))
    };
    EventError::whole(EventRule::NoSubject { found })
}
