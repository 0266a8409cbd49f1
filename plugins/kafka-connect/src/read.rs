//! Files: JSON in the shapes that Kafka Connect takes and gives, and properties.

use std::collections::BTreeMap;

use headwater_extractor::{Diagnostic, Location, Severity};
use serde_json::{Map, Value};

use crate::connector::{Connector, escaped};

/// What is longer is no value of a configuration.
const VALUE_BYTES_MAX: usize = 1 << 20;

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(crate) connectors: Vec<Connector>,
    /// Brokers of a worker's configuration.
    pub(crate) worker_brokers: Option<String>,
    pub(crate) found: Vec<Diagnostic>,
}

type Entries = BTreeMap<String, (String, Option<u32>)>;

impl File {
    fn tell(&mut self, severity: Severity, code: &str, message: impl Into<String>, at: Location) {
        self.found.push(Diagnostic {
            severity,
            code: format!("kafka-connect/{code}"),
            message: message.into(),
            at: Some(at),
        });
    }
}

fn location(artifact: &str, pointer: Option<&str>) -> Location {
    Location {
        artifact: artifact.into(),
        pointer: pointer.map(str::to_owned),
        byte_offset: None,
        line: None,
        column: None,
    }
}

/// Reads an artifact by the ending of its name.
pub(crate) fn read(artifact: &str, bytes: &[u8]) -> File {
    let mut file = File::default();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        let at = location(artifact, None);
        file.tell(Severity::Error, "syntax", "the file is not UTF-8", at);
        return file;
    };
    if artifact.ends_with(".properties") {
        properties(artifact, text, &mut file);
    } else {
        json(artifact, text, &mut file);
    }
    file
}

fn json(artifact: &str, text: &str, file: &mut File) {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            let at = Location {
                line: Some(error.line() as u32).filter(|line| *line > 0),
                column: Some(error.column() as u32).filter(|column| *column > 0),
                ..location(artifact, None)
            };
            file.tell(
                Severity::Error,
                "syntax",
                format!("the file is not JSON: {error}"),
                at,
            );
            return;
        }
    };
    match value {
        Value::Array(items) => {
            for (position, item) in items.into_iter().enumerate() {
                let pointer = format!("/{position}");
                match item {
                    Value::Object(members) => {
                        one(
                            artifact,
                            &pointer,
                            members,
                            (&format!("{}-{position}", stem(artifact)), false),
                            file,
                        );
                    }
                    _ => no_connector(artifact, &pointer, file),
                }
            }
        }
        Value::Object(members) => object(artifact, members, file),
        _ => no_connector(artifact, "", file),
    }
}

/// The last part of a path, without its ending.
fn stem(artifact: &str) -> &str {
    let last = artifact.rsplit('/').next().unwrap_or(artifact);
    last.rsplit_once('.').map_or(last, |(stem, _)| stem)
}

fn no_connector(artifact: &str, pointer: &str, file: &mut File) {
    let message = "expected the configuration of a connector (`connector.class`), found none";
    let at = location(artifact, Some(pointer));
    file.tell(Severity::Warning, "not-a-connector", message, at);
}

fn is_text(members: &Map<String, Value>, key: &str) -> bool {
    matches!(members.get(key), Some(Value::String(_)))
}

/// One connector, or many by name: what `GET /connectors?expand=info&expand=status` answers, or a map of configurations.
fn object(artifact: &str, members: Map<String, Value>, file: &mut File) {
    let is_one = is_text(&members, "connector.class")
        || members.get("config").is_some_and(|config| {
            config
                .as_object()
                .is_some_and(|config| is_text(config, "connector.class"))
        });
    if is_one {
        return one(artifact, "", members, (stem(artifact), false), file);
    }
    let is_many = !members.is_empty()
        && members.values().all(|member| {
            member.as_object().is_some_and(|member| {
                ["info", "status", "config"]
                    .iter()
                    .any(|key| matches!(member.get(*key), Some(Value::Object(_))))
                    || is_text(member, "connector.class")
            })
        });
    if !is_many {
        return no_connector(artifact, "", file);
    }
    for (name, member) in members {
        let Value::Object(mut member) = member else {
            continue;
        };
        let pointer = format!("/{}", escaped(&name));
        let state = member.get("status").and_then(state);
        if let Some(Value::Object(info)) = member.remove("info") {
            let before = file.connectors.len();
            one(
                artifact,
                &format!("{pointer}/info"),
                info,
                (&name, true),
                file,
            );
            if let Some(connector) = file.connectors.get_mut(before) {
                connector.state = state;
            }
        } else if member.contains_key("config") || is_text(&member, "connector.class") {
            one(artifact, &pointer, member, (&name, true), file);
        } else {
            let message = format!("{name}: there is no `info`: ask with `expand=info` too");
            let at = location(artifact, Some(&pointer));
            file.tell(Severity::Warning, "not-a-connector", message, at);
        }
    }
}

fn state(status: &Value) -> Option<String> {
    let state = status.get("connector")?.get("state")?.as_str()?;
    Some(state.to_owned())
}

/// `{"name", "config"}`, or a configuration alone.
///
/// `name` is what it is called where it does not say so itself: by the answer, or by nothing but the file.
fn one(
    artifact: &str,
    pointer: &str,
    mut members: Map<String, Value>,
    (name, has_name): (&str, bool),
    file: &mut File,
) {
    let outer = match members.get("name") {
        Some(Value::String(name)) if !name.trim().is_empty() => Some(name.trim().to_owned()),
        _ => None,
    };
    let state = members.get("status").and_then(state);
    let (config, pointer) = match members.remove("config") {
        Some(Value::Object(config)) => (config, format!("{pointer}/config")),
        _ => (members, pointer.to_owned()),
    };
    let config = texts(config);
    let inner = config.get("name").map(|(name, _)| name.trim().to_owned());
    let stated = outer.or(inner).filter(|name| !name.is_empty());
    let is_named = has_name || stated.is_some();
    let connector = Connector {
        name: stated.unwrap_or_else(|| name.to_owned()),
        artifact: artifact.to_owned(),
        pointer: Some(pointer),
        config,
        state,
    };
    add(connector, is_named, file);
}

fn add(mut connector: Connector, is_named: bool, file: &mut File) {
    provided(&mut connector, file);
    if connector.get("connector.class").is_none() {
        return no_connector(
            &connector.artifact,
            connector.pointer.as_deref().unwrap_or_default(),
            file,
        );
    }
    if !is_named {
        let message = "the configuration states no name; the file's stands for it";
        let told = connector.told(Severity::Info, "no-name", "connector.class", message);
        file.found.push(told);
    }
    file.connectors.push(connector);
}

/// Whether a value is put in by a configuration provider, such as `${file:/opt/db.properties:host}`.
fn is_provided(value: &str) -> bool {
    let mut parts = value.split("${").skip(1);
    parts.any(|part| {
        let name = part.split(':').next().unwrap_or_default();
        let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        name.len() < part.len()
            && !name.is_empty()
            && name.chars().all(is_name)
            && part.contains('}')
    })
}

/// Takes out what the worker puts in: nobody knows it here.
fn provided(connector: &mut Connector, file: &mut File) {
    let keys: Vec<String> = connector
        .config
        .iter()
        .filter(|(_, (value, _))| is_provided(value))
        .map(|(key, _)| key.clone())
        .collect();
    for key in keys {
        let is_credential = ["password", "user", "secret", "key", "token", "credential"]
            .iter()
            .any(|word| key.to_lowercase().contains(word));
        if !is_credential {
            let message = format!(
                "the value of `{key}` is put in by a configuration provider: it is not known"
            );
            let told = connector.told(Severity::Warning, "config-provider", &key, &message);
            file.found.push(told);
        }
        connector.config.remove(&key);
    }
}

/// Values as Kafka Connect takes them: texts. What has no text is left out.
fn texts(config: Map<String, Value>) -> Entries {
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    config
        .into_iter()
        .filter_map(|(key, value)| Some((key, text(value)?)))
        .filter(|(_, value)| value.len() <= VALUE_BYTES_MAX)
        .map(|(key, value)| (key, (value, None)))
        .collect()
}

/// A connector or a worker in Java's properties.
fn properties(artifact: &str, text: &str, file: &mut File) {
    let entries = parse_properties(text);
    let has = |key: &str| entries.contains_key(key);
    if has("connector.class") {
        let name = entries.get("name").map(|(name, _)| name.trim().to_owned());
        let name = name.filter(|name| !name.is_empty());
        let is_named = name.is_some();
        let connector = Connector {
            name: name.unwrap_or_else(|| stem(artifact).to_owned()),
            artifact: artifact.to_owned(),
            pointer: None,
            config: entries,
            state: None,
        };
        return add(connector, is_named, file);
    }
    if let Some((brokers, _)) = entries.get("bootstrap.servers")
        && (has("key.converter") || has("offset.storage.topic") || has("plugin.path"))
    {
        file.worker_brokers = Some(brokers.trim().to_owned()).filter(|text| !text.is_empty());
        return;
    }
    if let Some((clusters, _)) = entries.get("clusters") {
        let clusters = clusters.clone();
        return mirrors(artifact, &clusters, &entries, file);
    }
    no_connector(artifact, "", file);
    if let Some(told) = file.found.last_mut()
        && let Some(at) = &mut told.at
    {
        at.pointer = None;
    }
}

/// Clusters in one file of `MirrorMaker`.
const CLUSTERS_MAX: usize = 32;

/// A dedicated `MirrorMaker`: each flow that is enabled is a connector.
fn mirrors(artifact: &str, clusters: &str, entries: &Entries, file: &mut File) {
    let clusters = crate::connector::items(clusters);
    if clusters.len() > CLUSTERS_MAX {
        let message = format!("there are more than {CLUSTERS_MAX} clusters");
        return file.tell(
            Severity::Error,
            "too-many",
            message,
            location(artifact, None),
        );
    }
    for from in &clusters {
        for to in &clusters {
            let flow = format!("{from}->{to}");
            let enabled = entries.get(&format!("{flow}.enabled"));
            if !enabled.is_some_and(|(value, _)| value.trim().eq_ignore_ascii_case("true")) {
                continue;
            }
            let mut config = Entries::new();
            let line = enabled.and_then(|(_, line)| *line);
            let mut put = |key: &str, value: &str| {
                config.insert(key.to_owned(), (value.to_owned(), line));
            };
            put(
                "connector.class",
                "org.apache.kafka.connect.mirror.MirrorSourceConnector",
            );
            put("source.cluster.alias", from);
            put("target.cluster.alias", to);
            for (side, alias) in [("source", from), ("target", to)] {
                if let Some((servers, _)) = entries.get(&format!("{alias}.bootstrap.servers")) {
                    put(&format!("{side}.cluster.bootstrap.servers"), servers);
                }
            }
            for key in [
                "topics",
                "topics.exclude",
                "topics.blacklist",
                "replication.policy.class",
                "replication.policy.separator",
            ] {
                let value = entries
                    .get(&format!("{flow}.{key}"))
                    .or_else(|| entries.get(key));
                if let Some((value, _)) = value {
                    put(key, value);
                }
            }
            file.connectors.push(Connector {
                name: flow,
                artifact: artifact.to_owned(),
                pointer: None,
                config,
                state: None,
            });
        }
    }
}

/// Keys and values with their lines: `key=value`, `key: value` or `key value`, `\` at the end goes on in the next line.
fn parse_properties(text: &str) -> Entries {
    let mut entries = Entries::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let mut whole = line.to_owned();
        while whole.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1 {
            whole.pop();
            match lines.next() {
                Some((_, next)) => whole.push_str(next.trim_start()),
                None => break,
            }
        }
        let (key, value) = split_property(&whole);
        if value.len() <= VALUE_BYTES_MAX {
            entries.insert(key, (value, Some(number as u32 + 1)));
        }
    }
    entries
}

fn split_property(line: &str) -> (String, String) {
    let mut is_escaped = false;
    let end = line.find(|c: char| {
        let ends = !is_escaped && (c == '=' || c == ':' || c.is_whitespace());
        is_escaped = !is_escaped && c == '\\';
        ends
    });
    let (key, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_start();
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start();
    (unescaped(key), unescaped(value))
}

fn unescaped(text: &str) -> String {
    let mut chars = text.chars();
    let mut plain = String::with_capacity(text.len());
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some('r') => plain.push('\r'),
            Some('u') => {
                let code: String = chars.by_ref().take(4).collect();
                let code = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
                plain.push(code.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    plain
}
