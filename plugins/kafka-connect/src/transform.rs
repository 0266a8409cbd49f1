//! Single message transforms, in their order: what they do to topics and to fields.

use headwater_extractor::{Diagnostic, Severity};
use regex_lite::Regex;

use crate::connector::{Connector, items};
use crate::pattern::{Part, Template, templates, whole};
use crate::record::{Record, Shape};

/// Transforms of one connector.
const STEPS_MAX: usize = 64;
/// Topics that one topic may become.
const TOPICS_MAX: usize = 16;

#[derive(Debug)]
enum Kind {
    /// Neither topics nor fields of the value.
    Nothing,
    Regex {
        regex: Regex,
        text: String,
        replacement: String,
    },
    Timestamp(String),
    /// The topic is a value of the record, or what a script says.
    Anywhere,
    Outbox {
        topic: Template,
        fields: Vec<(String, String)>,
    },
    Unwrap,
    Flatten(String),
    Hoist(String),
    Extract(String),
    Replace {
        exclude: Vec<String>,
        include: Vec<String>,
        renames: Vec<(String, String)>,
    },
    Change {
        fields: Vec<String>,
        is_masking: bool,
    },
    /// Nothing is known of what it does to fields.
    Unheard,
}

/// When a transform is applied.
#[derive(Debug)]
enum When {
    Always,
    Topic { regex: Regex, is_negated: bool },
    Sometimes,
}

#[derive(Debug)]
struct Step {
    name: String,
    kind: Kind,
    when: When,
}

/// The transforms of a connector.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    steps: Vec<Step>,
    is_sink: bool,
    /// Names and classes, for people.
    pub(crate) shown: Vec<(String, String)>,
}

/// What a topic and its records become.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) topics: Vec<Template>,
    /// The transform that sends records to topics that are not known.
    pub(crate) unknown: Option<String>,
    pub(crate) record: Record,
}

impl Chain {
    pub(crate) fn new(connector: &Connector, is_sink: bool, found: &mut Vec<Diagnostic>) -> Self {
        let mut chain = Self {
            is_sink,
            ..Self::default()
        };
        let names = connector.list(&["transforms"]);
        if names.len() > STEPS_MAX {
            let message =
                format!("there are more than {STEPS_MAX} transforms; the topics are not known");
            found.push(connector.told(Severity::Warning, "too-many", "transforms", &message));
            chain.steps.push(Step {
                name: "transforms".into(),
                kind: Kind::Anywhere,
                when: When::Always,
            });
            return chain;
        }
        for name in names {
            let key = format!("transforms.{name}.type");
            let Some(class) = connector.get(&key) else {
                let message = format!("the transform `{name}` has no `{key}`");
                found.push(connector.told(
                    Severity::Warning,
                    "unknown-transform",
                    "transforms",
                    &message,
                ));
                chain.steps.push(Step {
                    name: name.to_owned(),
                    kind: Kind::Unheard,
                    when: When::Always,
                });
                continue;
            };
            chain.shown.push((name.to_owned(), class.to_owned()));
            let when = when(connector, name);
            let Some(when) = when else { continue };
            let kind = kind(connector, name, class);
            if matches!(kind, Kind::Unheard) {
                let message = format!(
                    "the transform `{name}` ({class}) is not known: the topics are kept, the fields are not known"
                );
                found.push(connector.told(Severity::Warning, "unknown-transform", &key, &message));
            }
            if matches!(kind, Kind::Anywhere) {
                let message = format!(
                    "the transform `{name}` ({class}) sends records to topics that are not known"
                );
                found.push(connector.told(Severity::Warning, "unknown-topic", &key, &message));
            }
            chain.steps.push(Step {
                name: name.to_owned(),
                kind,
                when,
            });
        }
        chain
    }

    /// What becomes of a topic, and of its records.
    pub(crate) fn apply(&self, topic: &Template, record: Record) -> Outcome {
        let mut outcome = Outcome {
            topics: vec![topic.clone()],
            unknown: None,
            record,
        };
        for step in &self.steps {
            step.apply(&mut outcome, self.is_sink);
        }
        outcome
    }
}

/// When a transform is applied; none if never to a record with a value.
fn when(connector: &Connector, name: &str) -> Option<When> {
    let Some(predicate) = connector.get(&format!("transforms.{name}.predicate")) else {
        return Some(When::Always);
    };
    let is_negated = connector.is_true(&format!("transforms.{name}.negate"));
    let class = connector
        .get(&format!("predicates.{predicate}.type"))
        .unwrap_or_default();
    match class.rsplit('.').next().unwrap_or_default() {
        // What is deleted has no value and no fields.
        "RecordIsTombstone" => is_negated.then_some(When::Always),
        "TopicNameMatches" => {
            let pattern = connector.get(&format!("predicates.{predicate}.pattern"));
            Some(match pattern.and_then(|pattern| whole(pattern, false)) {
                Some(regex) => When::Topic { regex, is_negated },
                None => When::Sometimes,
            })
        }
        _ => Some(When::Sometimes),
    }
}

fn owned(list: &[&str]) -> Vec<String> {
    list.iter().map(|item| (*item).to_owned()).collect()
}

/// What a class of transforms does. Source: the documentation of Kafka, Confluent, Aiven and Debezium.
fn kind(connector: &Connector, name: &str, class: &str) -> Kind {
    let get = |key: &str| connector.get(&format!("transforms.{name}.{key}"));
    let text = |key: &str, default: &str| get(key).unwrap_or(default).to_owned();
    let short = class.rsplit('.').next().unwrap_or(class);
    let (short, side) = short.split_once('$').unwrap_or((short, ""));
    let router = |regex: Option<&str>, replacement: Option<&str>| match (regex, replacement) {
        (Some(regex), Some(replacement)) => match whole(regex, false) {
            Some(compiled) => Kind::Regex {
                regex: compiled,
                text: regex.to_owned(),
                replacement: replacement.to_owned(),
            },
            None => Kind::Anywhere,
        },
        _ => Kind::Anywhere,
    };
    match short {
        "ExtractTopic"
        | "ContentBasedRouter"
        | "ExtractTopicFromValueSchema"
        | "ExtractTopicFromSchemaName"
        | "TimescaleDb" => Kind::Anywhere,
        "RegexRouter" => router(get("regex"), get("replacement").or(Some(""))),
        "ByLogicalTableRouter" => router(get("topic.regex"), get("topic.replacement")),
        "TimestampRouter" | "MessageTimestampRouter" => {
            Kind::Timestamp(text("topic.format", "${topic}-${timestamp}"))
        }
        "EventRouter" | "MongoEventRouter" => outbox(&get),
        _ if side == "Key" => Kind::Nothing,
        _ => of_value(connector, name, short),
    }
}

/// What a class does that leaves the topic as it is.
fn of_value(connector: &Connector, name: &str, short: &str) -> Kind {
    let get = |key: &str| connector.get(&format!("transforms.{name}.{key}"));
    let list = |keys: &[&str]| items(keys.iter().find_map(|key| get(key)).unwrap_or_default());
    match short {
        "ExtractNewRecordState" | "ExtractNewDocumentState" | "UnwrapFromEnvelope" => {
            if get("route.by.field").is_some() {
                Kind::Anywhere
            } else {
                Kind::Unwrap
            }
        }
        "ReplaceField" => {
            let renames = list(&["renames"])
                .into_iter()
                .filter_map(|pair| pair.split_once(':'));
            Kind::Replace {
                exclude: owned(&list(&["exclude", "blacklist"])),
                include: owned(&list(&["include", "whitelist"])),
                renames: renames
                    .map(|(from, to)| (from.trim().to_owned(), to.trim().to_owned()))
                    .collect(),
            }
        }
        "MaskField" => Kind::Change {
            fields: owned(&list(&["fields"])),
            is_masking: true,
        },
        "Hash" => Kind::Change {
            fields: owned(&list(&["field.name"])),
            is_masking: true,
        },
        "TimestampConverter" => Kind::Change {
            fields: owned(&list(&["field"])),
            is_masking: false,
        },
        "Cast" => Kind::Change {
            fields: list(&["spec"])
                .into_iter()
                .map(|item| item.split(':').next().unwrap_or(item).trim().to_owned())
                .collect(),
            is_masking: false,
        },
        "HoistField" => get("field").map_or(Kind::Unheard, |field| Kind::Hoist(field.to_owned())),
        "ExtractField" => {
            get("field").map_or(Kind::Unheard, |field| Kind::Extract(field.to_owned()))
        }
        "Flatten" => Kind::Flatten(get("delimiter").unwrap_or(".").to_owned()),
        "InsertField"
        | "ValueToKey"
        | "Filter"
        | "FilterByFieldValue"
        | "SetSchemaMetadata"
        | "InsertHeader"
        | "DropHeaders"
        | "Drop"
        | "TombstoneHandler"
        | "ExtractTimestamp"
        | "PartitionRouting"
        | "ActivateTracingSpan"
        | "SchemaChangeEventFilter"
        | "HeaderToValue"
        | "TimezoneConverter"
        | "DecodeLogicalDecodingMessageContent"
        | "ReadToInsertEvent"
        | "HeadersToRecord"
        | "ConvertCloudEventToSaveableForm"
        | "GzipDecompress"
        | "MakeTombstone" => Kind::Nothing,
        "HeaderFrom" => {
            if get("operation") == Some("move") {
                Kind::Replace {
                    exclude: owned(&list(&["fields"])),
                    include: Vec::new(),
                    renames: Vec::new(),
                }
            } else {
                Kind::Nothing
            }
        }
        _ => Kind::Unheard,
    }
}

/// Debezium's outbox: the topic is made of a value of each row.
fn outbox<'c>(get: &dyn Fn(&str) -> Option<&'c str>) -> Kind {
    let replacement = get("route.topic.replacement").unwrap_or("outbox.event.${routedByValue}");
    let regex = get("route.topic.regex").unwrap_or("(?<routedByValue>.*)");
    let is_plain = matches!(
        regex,
        "(?<routedByValue>.*)" | "(?<routedByValue>.+)" | "(?P<routedByValue>.*)"
    );
    if !is_plain && replacement.contains('$') {
        return Kind::Anywhere;
    }
    let topic = Template(vec![Part::Any(250)]).within(replacement, "${routedByValue}");
    let payload = get("table.field.event.payload")
        .or_else(|| get("collection.field.event.payload"))
        .unwrap_or("payload");
    let mut fields = Vec::new();
    let placed = items(get("table.fields.additional.placement").unwrap_or_default());
    let is_alone = !placed
        .iter()
        .any(|item| item.split(':').nth(1) == Some("envelope"));
    if !is_alone {
        fields.push((payload.to_owned(), "payload".to_owned()));
    }
    for item in placed {
        let parts: Vec<&str> = item.split(':').collect();
        if let [from, "envelope", rest @ ..] = &parts[..] {
            let to = rest.first().unwrap_or(from);
            fields.push(((*from).to_owned(), (*to).to_owned()));
        }
    }
    Kind::Outbox { topic, fields }
}

impl Step {
    fn apply(&self, outcome: &mut Outcome, is_sink: bool) {
        let before = outcome.topics.clone();
        let mut is_sometimes = matches!(self.when, When::Sometimes);
        let mut topics = Vec::new();
        let mut is_ever = before.is_empty();
        for topic in &before {
            let applies = match &self.when {
                When::Always | When::Sometimes => true,
                When::Topic { regex, is_negated } => {
                    if topic.literal().is_none() && templates(regex.as_str()).templates.len() > 1 {
                        is_sometimes = true;
                    }
                    regex.is_match(&sample(topic)) != *is_negated
                }
            };
            if !applies {
                topics.push(topic.clone());
                continue;
            }
            is_ever = true;
            if is_sometimes && self.routes() {
                topics.push(topic.clone());
            }
            self.route(topic, &mut topics, &mut outcome.unknown);
        }
        topics.dedup();
        topics.truncate(TOPICS_MAX);
        outcome.topics = topics;
        if !is_ever {
            return;
        }
        let record = outcome.record.clone();
        self.change(&mut outcome.record, is_sink);
        if is_sometimes && outcome.record != record {
            outcome.record.forget();
        }
    }

    fn routes(&self) -> bool {
        matches!(
            self.kind,
            Kind::Regex { .. } | Kind::Timestamp(_) | Kind::Anywhere | Kind::Outbox { .. }
        )
    }

    /// Where the records of a topic go.
    fn route(&self, topic: &Template, topics: &mut Vec<Template>, unknown: &mut Option<String>) {
        match &self.kind {
            Kind::Regex {
                regex,
                text,
                replacement,
            } => match reroute(topic, regex, text, replacement) {
                Some(routed) => topics.push(routed),
                None => *unknown = Some(self.name.clone()),
            },
            Kind::Timestamp(format) => {
                let open = topic.within(format, "${topic}");
                let mut parts = Vec::new();
                for part in open.0 {
                    match part {
                        Part::Text(text) => {
                            parts.extend(
                                Template(vec![Part::Any(251)])
                                    .within(&text, "${timestamp}")
                                    .0,
                            );
                        }
                        any @ Part::Any(_) => parts.push(any),
                    }
                }
                topics.push(Template(parts));
            }
            Kind::Anywhere => *unknown = Some(self.name.clone()),
            Kind::Outbox { topic, .. } => topics.push(topic.clone()),
            _ => topics.push(topic.clone()),
        }
    }

    fn change(&self, record: &mut Record, is_sink: bool) {
        fn refs(list: &[String]) -> Vec<&str> {
            list.iter().map(String::as_str).collect()
        }
        match &self.kind {
            Kind::Nothing | Kind::Regex { .. } | Kind::Timestamp(_) | Kind::Anywhere => {}
            Kind::Outbox { fields, .. } => {
                record.forget();
                record.shape = Shape::Plain;
                for (from, to) in fields {
                    let origin = crate::record::Origin {
                        field: from.clone(),
                        is_changed: false,
                        is_masked: false,
                    };
                    record.named.insert(to.clone(), origin);
                }
            }
            Kind::Unwrap => record.unwrap(is_sink),
            Kind::Flatten(delimiter) => record.flatten(delimiter),
            Kind::Hoist(field) => record.hoist(field),
            Kind::Extract(field) => record.extract(field),
            Kind::Replace {
                exclude,
                include,
                renames,
            } => {
                let renames: Vec<_> = renames
                    .iter()
                    .map(|(a, b)| (a.as_str(), b.as_str()))
                    .collect();
                record.replace(&refs(exclude), &refs(include), &renames);
            }
            Kind::Change { fields, is_masking } => {
                // In an envelope, the names are those of its members.
                if record.shape == Shape::Plain {
                    for field in fields {
                        record.change(field, *is_masking);
                    }
                }
            }
            Kind::Unheard => record.forget(),
        }
    }
}

/// A word that stands for what is open, and that no name has.
fn word(number: u8) -> String {
    let letter = |value: u8| char::from(b'a' + value);
    format!("hwopen{}{}z", letter(number / 16), letter(number % 16))
}

/// A name that a template may stand for.
fn sample(topic: &Template) -> String {
    let mut text = String::new();
    for part in &topic.0 {
        match part {
            Part::Text(part) => text.push_str(part),
            Part::Any(number) => text.push_str(&word(*number)),
        }
    }
    text
}

/// What a router makes of a topic; none if that depends on what is open in it.
fn reroute(topic: &Template, regex: &Regex, text: &str, replacement: &str) -> Option<Template> {
    let name = sample(topic);
    let Some(found) = regex.captures(&name) else {
        let is_out = topic.literal().is_some() || cannot_match(topic, text);
        return is_out.then(|| topic.clone());
    };
    let routed = replaced(replacement, &found)?;
    let mut template = Template::text(routed);
    for part in &topic.0 {
        if let Part::Any(number) = part {
            let open = Template(vec![part.clone()]);
            let mut parts = Vec::new();
            for piece in template.0 {
                match piece {
                    Part::Text(text) => parts.extend(open.within(&text, &word(*number)).0),
                    any @ Part::Any(_) => parts.push(any),
                }
            }
            template = Template(parts);
        }
    }
    Some(template)
}

/// True if the two begin with different texts.
fn cannot_match(topic: &Template, regex: &str) -> bool {
    let Some(Part::Text(begin)) = topic.0.first() else {
        return false;
    };
    templates(regex)
        .templates
        .iter()
        .all(|other| match other.0.first() {
            Some(Part::Text(text)) => {
                !text.starts_with(begin.as_str()) && !begin.starts_with(text.as_str())
            }
            _ => false,
        })
}

/// A replacement as Java's `replaceFirst` expands it: `$1`, `${name}`, and `\` before what is meant as it is.
fn replaced(replacement: &str, found: &regex_lite::Captures) -> Option<String> {
    let mut text = String::new();
    let mut rest = replacement;
    while let Some(at) = rest.find(['$', '\\']) {
        text.push_str(&rest[..at]);
        let special = rest.as_bytes()[at];
        rest = &rest[at + 1..];
        if special == b'\\' {
            let c = rest.chars().next()?;
            text.push(c);
            rest = &rest[c.len_utf8()..];
        } else if let Some(inner) = rest.strip_prefix('{') {
            let (name, after) = inner.split_once('}')?;
            text.push_str(found.name(name)?.as_str());
            rest = after;
        } else {
            // As many digits as name a group that there is.
            let digits = rest.bytes().take(3).take_while(u8::is_ascii_digit).count();
            let number = |digits: usize| rest[..digits].parse::<usize>().ok();
            let digits = (1..=digits)
                .rev()
                .find(|digits| number(*digits).is_some_and(|number| number < found.len()))?;
            text.push_str(
                found
                    .get(number(digits)?)
                    .map_or("", |value| value.as_str()),
            );
            rest = &rest[digits..];
        }
    }
    text.push_str(rest);
    Some(text)
}
