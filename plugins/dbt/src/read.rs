//! From bytes to a [`Manifest`], or to an error that says what was found and where.

use headwater_extractor::{Diagnostic, ExtractError, Location, Severity};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::manifest::{Group, Manifest, Metadata, Node, Sections, Source, Through, id_kind};
use crate::text::{Members, Text};

/// The newest schema version this extractor was written against.
pub(crate) const SCHEMA_VERSION_MAX: u32 = 12;

/// What was expected, in every error about something else.
const EXPECTED: &str = "expected a dbt manifest (schema version 1 to 12)";

/// A manifest, and what is damaged in it.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) manifest: Manifest<'a>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The ids of members that could not be read.
    pub(crate) damaged: Vec<Text<'a>>,
}

/// Makes locations in one artifact.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places<'a> {
    pub(crate) artifact: &'a str,
    text: &'a str,
}

impl Places<'_> {
    /// The place that an RFC 6901 pointer names.
    pub(crate) fn pointer(artifact: &str, pointer: String) -> Location {
        Location {
            artifact: artifact.to_owned(),
            pointer: Some(pointer),
            byte_offset: None,
            line: None,
            column: None,
        }
    }

    /// The place of a byte, with 1-based line and column.
    fn offset(self, offset: usize) -> Location {
        let offset = offset.min(self.text.len());
        let before = &self.text.as_bytes()[..offset];
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let line = before.split(|&byte| byte == b'\n').count();
        Location {
            artifact: self.artifact.to_owned(),
            pointer: None,
            byte_offset: Some(offset as u64),
            line: u32::try_from(line).ok(),
            column: u32::try_from(offset - line_start + 1).ok(),
        }
    }

    /// Where in `part`, which is a slice of the artifact's text, an error is.
    fn error(self, part: &str, error: &serde_json::Error) -> Location {
        let part_offset = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let line_start = part
            .split_inclusive('\n')
            .take(error.line().saturating_sub(1))
            .map(str::len)
            .sum::<usize>();
        // serde_json counts the column of the byte it has just read, from 1.
        self.offset(part_offset + line_start + error.column().saturating_sub(1))
    }
}

/// An RFC 6901 pointer from unescaped segments.
pub(crate) fn pointer(segments: &[&str]) -> String {
    let mut pointer = String::new();
    for segment in segments {
        pointer.push('/');
        for char in segment.chars() {
            match char {
                '~' => pointer.push_str("~0"),
                '/' => pointer.push_str("~1"),
                char => pointer.push(char),
            }
        }
    }
    pointer
}

/// Reads the manifest in `bytes`.
///
/// Healthy manifests are read in one pass. Only if that fails is each node read by itself,
/// so that a damaged one costs only what it says.
pub(crate) fn read<'a>(artifact: &'a str, bytes: &'a [u8]) -> Result<Reading<'a>, ExtractError> {
    let text = decode(artifact, bytes)?;
    let places = Places { artifact, text };
    let mut reading = match serde_json::from_str::<Manifest>(text) {
        Ok(manifest) => Reading {
            manifest,
            diagnostics: Vec::new(),
            damaged: Vec::new(),
        },
        Err(_) => salvage(places)?,
    };
    check_version(places, &reading.manifest.metadata, &mut reading.diagnostics)?;
    Ok(reading)
}

fn decode<'a>(artifact: &'a str, bytes: &'a [u8]) -> Result<&'a str, ExtractError> {
    let text = match str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let valid = &bytes[..error.valid_up_to()];
            let text = str::from_utf8(valid).unwrap_or_default();
            let found = bytes[error.valid_up_to()];
            let message = format!("{EXPECTED} in UTF-8, found byte 0x{found:02x}");
            let at = Places { artifact, text }.offset(valid.len());
            return Err(malformed("dbt/not-utf8", message, at));
        }
    };
    if text.trim_ascii().is_empty() {
        let message = format!("{EXPECTED}, found an empty file");
        let at = Places { artifact, text }.offset(0);
        return Err(malformed("dbt/not-json", message, at));
    }
    if text.trim_ascii_start().starts_with('[') {
        let message = format!("{EXPECTED}, found a JSON array");
        let at = Places { artifact, text }.offset(text.len() - text.trim_ascii_start().len());
        return Err(malformed("dbt/not-a-manifest", message, at));
    }
    Ok(text)
}

/// Reads section by section and member by member.
fn salvage(places: Places) -> Result<Reading, ExtractError> {
    let text = places.text;
    let sections: Sections = match serde_json::from_str(text) {
        Ok(sections) => sections,
        Err(error) => return Err(unreadable(places, &error)),
    };
    let metadata = match sections.metadata {
        Some(raw) => serde_json::from_str::<Metadata>(raw.get()).map_err(|error| {
            let mut at = places.error(raw.get(), &error);
            at.pointer = Some("/metadata".into());
            let message = format!("{EXPECTED}, found other metadata: {}", plain(&error));
            malformed("dbt/damaged-metadata", message, at)
        })?,
        None => Metadata::default(),
    };
    // Other artifacts of dbt have members of the same name and another shape.
    check_version(places, &metadata, &mut Vec::new())?;
    let mut salvage = Salvage {
        places,
        diagnostics: Vec::new(),
        damaged: Vec::new(),
    };
    let manifest = Manifest {
        metadata,
        nodes: salvage.nodes(sections.nodes)?,
        sources: salvage.members::<Source>("sources", sections.sources),
        groups: salvage.members::<Group>("groups", sections.groups),
        metrics: salvage.members::<Through>("metrics", sections.metrics),
        semantic_models: salvage.members::<Through>("semantic_models", sections.semantic_models),
        functions: salvage.members::<Through>("functions", sections.functions),
    };
    Ok(Reading {
        manifest,
        diagnostics: salvage.diagnostics,
        damaged: salvage.damaged,
    })
}

struct Salvage<'a> {
    places: Places<'a>,
    diagnostics: Vec<Diagnostic>,
    damaged: Vec<Text<'a>>,
}

impl<'a> Salvage<'a> {
    /// Without nodes there is no manifest, so what is no object of nodes is an error.
    fn nodes(&mut self, raw: Option<&'a RawValue>) -> Result<Members<'a, Node<'a>>, ExtractError> {
        let Some(raw) = raw else {
            return Ok(Members::default());
        };
        let members = self
            .raw_members("nodes", raw)
            .map_err(ExtractError::Malformed)?;
        Ok(Members(self.each("nodes", members)))
    }

    fn members<T: Deserialize<'a>>(
        &mut self,
        section: &str,
        raw: Option<&'a RawValue>,
    ) -> Members<'a, T> {
        let Some(raw) = raw else {
            return Members::default();
        };
        match self.raw_members(section, raw) {
            Ok(members) => Members(self.each(section, members)),
            Err(diagnostic) => {
                self.diagnostics.push(diagnostic);
                Members::default()
            }
        }
    }

    fn raw_members(
        &self,
        section: &str,
        raw: &'a RawValue,
    ) -> Result<Vec<(Text<'a>, &'a RawValue)>, Diagnostic> {
        match serde_json::from_str::<Members<&'a RawValue>>(raw.get()) {
            Ok(Members(members)) => Ok(members),
            Err(error) => {
                let mut at = self.places.error(raw.get(), &error);
                at.pointer = Some(pointer(&[section]));
                let message = format!("`{section}` is left out: {}", plain(&error));
                Err(diagnostic(
                    Severity::Error,
                    "dbt/damaged-section",
                    message,
                    Some(at),
                ))
            }
        }
    }

    fn each<T: Deserialize<'a>>(
        &mut self,
        section: &str,
        members: Vec<(Text<'a>, &'a RawValue)>,
    ) -> Vec<(Text<'a>, T)> {
        let mut read = Vec::with_capacity(members.len());
        for (id, raw) in members {
            let mut json = serde_json::Deserializer::from_str(raw.get());
            match serde_path_to_error::deserialize::<_, T>(&mut json) {
                Ok(member) => read.push((id, member)),
                // Tests and operations state nothing, so nothing is lost.
                Err(_) if section == "nodes" && !is_lineage(&id) => {}
                Err(error) => {
                    let mut at = self.places.error(raw.get(), error.inner());
                    at.pointer = Some(format!(
                        "{}{}",
                        pointer(&[section, &id]),
                        inside(error.path())
                    ));
                    let message = format!("{id} is left out: {}", plain(error.inner()));
                    let code = "dbt/damaged-node";
                    self.damaged.push(id);
                    self.diagnostics
                        .push(diagnostic(Severity::Error, code, message, Some(at)));
                }
            }
        }
        read
    }
}

/// Whether a node of this id can state a dataset.
fn is_lineage(unique_id: &str) -> bool {
    matches!(id_kind(unique_id), "model" | "seed" | "snapshot")
}

fn inside(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let segments: Vec<String> = path
        .iter()
        .map(|segment| match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.clone(),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => "?".into(),
        })
        .collect();
    pointer(&segments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Why not even the outermost object could be read.
fn unreadable(places: Places, error: &serde_json::Error) -> ExtractError {
    let at = places.error(places.text, error);
    match error.classify() {
        serde_json::error::Category::Eof => {
            let message = format!(
                "{EXPECTED}, found the end of the file within it: {}",
                plain(error)
            );
            malformed("dbt/truncated", message, at)
        }
        serde_json::error::Category::Data => {
            let message = format!("{EXPECTED}, found other JSON: {}", plain(error));
            malformed("dbt/not-a-manifest", message, at)
        }
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
            let message = format!("{EXPECTED}, found no JSON: {}", plain(error));
            malformed("dbt/not-json", message, at)
        }
    }
}

/// Accepts manifests, of later versions with a warning.
fn check_version(
    places: Places,
    metadata: &Metadata,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<(), ExtractError> {
    let artifact = places.artifact;
    let Some(schema) = metadata.dbt_schema_version.as_deref() else {
        let found = match serde_json::from_str::<Members<IgnoredAny>>(places.text) {
            Ok(Members(members)) if !members.is_empty() => {
                let keys: Vec<_> = members
                    .iter()
                    .take(8)
                    .map(|(key, _)| format!("`{key}`"))
                    .collect();
                format!("an object with {}", keys.join(", "))
            }
            _ => "an empty object".into(),
        };
        return Err(ExtractError::Unsupported(format!(
            "{artifact}: {EXPECTED}, found {found} and no `metadata.dbt_schema_version`"
        )));
    };
    let (what, version) = parse_schema(schema);
    match (what, version) {
        ("manifest", Some(version)) if version > SCHEMA_VERSION_MAX => {
            let message = format!(
                "schema version {version} is newer than {SCHEMA_VERSION_MAX}, the newest one known here; \
                 what it adds is not read"
            );
            let at = Places::pointer(artifact, "/metadata/dbt_schema_version".into());
            let code = "dbt/newer-schema";
            diagnostics.push(diagnostic(Severity::Warning, code, message, Some(at)));
            Ok(())
        }
        ("manifest", Some(1..)) => Ok(()),
        (what @ ("catalog" | "run-results" | "sources" | "semantic-manifest"), _) => {
            Err(ExtractError::Unsupported(format!(
                "{artifact}: {EXPECTED}, found dbt's {what} artifact ({schema})"
            )))
        }
        _ => Err(ExtractError::Unsupported(format!(
            "{artifact}: {EXPECTED}, found schema version `{schema}`"
        ))),
    }
}

/// `manifest` and 12 from `https://schemas.getdbt.com/dbt/manifest/v12.json`.
fn parse_schema(schema: &str) -> (&str, Option<u32>) {
    let mut segments = schema.rsplit('/');
    let version = segments
        .next()
        .and_then(|file| file.strip_prefix('v'))
        .and_then(|file| file.strip_suffix(".json"))
        .and_then(|digits| digits.parse().ok());
    (segments.next().unwrap_or_default(), version)
}

/// serde's message without the place, which the diagnostic has.
fn plain(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(at) => message[..at].to_owned(),
        None => message,
    }
}

fn malformed(code: &str, message: String, at: Location) -> ExtractError {
    ExtractError::Malformed(diagnostic(Severity::Error, code, message, Some(at)))
}

pub(crate) fn diagnostic(
    severity: Severity,
    code: &str,
    message: String,
    at: Option<Location>,
) -> Diagnostic {
    Diagnostic {
        severity,
        code: code.to_owned(),
        message,
        at,
    }
}
