//! From bytes to one of dbt's artifacts, or to a refusal that says what was found and where.

use headwater_extractor::{Diagnostic, Location, Severity};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::catalog::Catalog;
use crate::freshness::Freshness;
use crate::manifest::Manifest;
use crate::place::{Places, diagnostic};
use crate::run_results::RunResults;
use crate::salvage::{self, Salvage, plain};
use crate::text::{Members, Text};

/// How much of a file is searched for the name of its schema, which dbt writes first.
const SCHEMA_SEARCH_BYTES: usize = 4096;

/// What was expected, where a file may be any of them.
const EXPECTED: &str = "expected dbt's manifest, catalog, run results or source freshness results";

/// What dbt writes, as far as it is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Manifest,
    Catalog,
    RunResults,
    Sources,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [
        Self::Manifest,
        Self::Catalog,
        Self::RunResults,
        Self::Sources,
    ];

    /// How <https://schemas.getdbt.com/dbt/> names it.
    const fn schema_name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Catalog => "catalog",
            Self::RunResults => "run-results",
            Self::Sources => "sources",
        }
    }

    /// The newest schema version this extractor was written against.
    const fn version_max(self) -> u32 {
        match self {
            Self::Manifest => 12,
            Self::Catalog => 1,
            Self::RunResults => 6,
            Self::Sources => 3,
        }
    }

    pub(crate) const fn file_name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest.json",
            Self::Catalog => "catalog.json",
            Self::RunResults => "run_results.json",
            Self::Sources => "sources.json",
        }
    }

    /// What was expected, in every error about something else.
    const fn expected(self) -> &'static str {
        match self {
            Self::Manifest => "expected a dbt manifest (schema version 1 to 12)",
            Self::Catalog => "expected a dbt catalog (schema version 1)",
            Self::RunResults => "expected dbt's run results (schema version 1 to 6)",
            Self::Sources => "expected dbt's source freshness results (schema version 1 to 3)",
        }
    }

    /// What a file seems to be before it is parsed: by the schema that its beginning names,
    /// else by its own name.
    fn guess(artifact: &str, bytes: &[u8]) -> Self {
        let start = &bytes[..bytes.len().min(SCHEMA_SEARCH_BYTES)];
        let start = String::from_utf8_lossy(start);
        let names_schema = |kind: &Self| {
            start.contains(&format!("schemas.getdbt.com/dbt/{}/", kind.schema_name()))
        };
        let (_, name) = artifact.rsplit_once('/').unwrap_or(("", artifact));
        let has_name = |kind: &Self| name == kind.file_name();
        let by_schema = Self::ALL.into_iter().find(names_schema);
        let by_name = || Self::ALL.into_iter().find(has_name);
        by_schema.or_else(by_name).unwrap_or(Self::Manifest)
    }
}

/// What every artifact of dbt says about itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Metadata<'a> {
    pub(crate) dbt_schema_version: Option<Text<'a>>,
    pub(crate) generated_at: Option<Text<'a>>,
    /// What one run of dbt puts into all that it writes.
    pub(crate) invocation_id: Option<Text<'a>>,
    pub(crate) project_name: Option<Text<'a>>,
    /// MD5 of the project's name in lower-case hexadecimal.
    pub(crate) project_id: Option<Text<'a>>,
    pub(crate) adapter_type: Option<Text<'a>>,
}

/// One artifact.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    Manifest(Box<Manifest<'a>>),
    Catalog(Catalog<'a>),
    RunResults(RunResults<'a>),
    Sources(Freshness<'a>),
}

impl<'a> Content<'a> {
    fn parse(kind: Kind, text: &'a str) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            Kind::Manifest => Self::Manifest(Box::new(serde_json::from_str(text)?)),
            Kind::Catalog => Self::Catalog(serde_json::from_str(text)?),
            Kind::RunResults => Self::RunResults(serde_json::from_str(text)?),
            Kind::Sources => Self::Sources(serde_json::from_str(text)?),
        })
    }

    pub(crate) fn metadata(&self) -> &Metadata<'a> {
        match self {
            Self::Manifest(manifest) => &manifest.metadata,
            Self::Catalog(catalog) => &catalog.metadata,
            Self::RunResults(results) => &results.metadata,
            Self::Sources(freshness) => &freshness.metadata,
        }
    }
}

/// An artifact, and what is damaged in it.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) artifact: &'a str,
    pub(crate) content: Content<'a>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The ids of members that could not be read.
    pub(crate) damaged: Vec<Text<'a>>,
}

/// Why a file is not read.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// It is JSON, but nothing that is read here.
    Foreign(String),
    /// An artifact of dbt, of a schema version that is none.
    Unsupported(Kind, String),
    /// What seems to be this artifact is damaged.
    Malformed(Kind, Diagnostic),
}

/// Reads the artifact in `bytes`.
///
/// Healthy artifacts are read in one pass. Only if that fails is each member read by itself,
/// so that a damaged one costs only what it says.
pub(crate) fn read<'a>(artifact: &'a str, bytes: &'a [u8]) -> Result<Reading<'a>, Refusal> {
    let guess = Kind::guess(artifact, bytes);
    let text = decode(artifact, bytes, guess)?;
    let places = Places { artifact, text };
    let parsed = match Content::parse(guess, text) {
        Ok(content) => {
            let found = identify(places, content.metadata())?;
            if found.0 == guess {
                Some((content, found.1))
            } else {
                let content = Content::parse(found.0, text).ok();
                content.map(|content| (content, found.1))
            }
        }
        Err(_) => None,
    };
    match parsed {
        Some((content, newer)) => Ok(Reading {
            artifact,
            content,
            diagnostics: newer.into_iter().collect(),
            damaged: Vec::new(),
        }),
        None => read_by_members(places, guess),
    }
}

fn decode<'a>(artifact: &'a str, bytes: &'a [u8], guess: Kind) -> Result<&'a str, Refusal> {
    let expected = guess.expected();
    let refusal = |code: &str, message: String, at: Location| {
        Refusal::Malformed(guess, error(code, message, at))
    };
    let text = match str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let valid = &bytes[..error.valid_up_to()];
            let text = str::from_utf8(valid).unwrap_or_default();
            let found = bytes[error.valid_up_to()];
            let message = format!("{expected} in UTF-8, found byte 0x{found:02x}");
            let at = Places { artifact, text }.offset(valid.len());
            return Err(refusal("dbt/not-utf8", message, at));
        }
    };
    if text.trim_ascii().is_empty() {
        let message = format!("{expected}, found an empty file");
        let at = Places { artifact, text }.offset(0);
        return Err(refusal("dbt/not-json", message, at));
    }
    if text.trim_ascii_start().starts_with('[') {
        let message = format!("{expected}, found a JSON array");
        let at = Places { artifact, text }.offset(text.len() - text.trim_ascii_start().len());
        return Err(refusal("dbt/not-an-artifact", message, at));
    }
    Ok(text)
}

/// Reads section by section and member by member.
fn read_by_members(places: Places, guess: Kind) -> Result<Reading, Refusal> {
    let text = places.text;
    let sections: Members<&RawValue> = match serde_json::from_str(text) {
        Ok(sections) => sections,
        Err(error) => return Err(unreadable(places, guess, &error)),
    };
    let expected = guess.expected();
    let raw_metadata = salvage::section(&sections, "metadata");
    let metadata = match raw_metadata {
        Some(raw) => serde_json::from_str::<Metadata>(raw.get()).map_err(|found| {
            let mut at = places.error(raw.get(), &found);
            at.pointer = Some("/metadata".into());
            let message = format!("{expected}, found other metadata: {}", plain(&found));
            Refusal::Malformed(guess, error("dbt/damaged-metadata", message, at))
        })?,
        None => Metadata::default(),
    };
    let (kind, newer) = identify(places, &metadata)?;
    let mut salvage = Salvage::new(places);
    let content = match kind {
        Kind::Manifest => {
            let manifest = Manifest::salvage(&sections, metadata, &mut salvage);
            Content::Manifest(Box::new(
                manifest.map_err(|found| Refusal::Malformed(kind, found))?,
            ))
        }
        Kind::Catalog => Content::Catalog(Catalog::salvage(&sections, metadata, &mut salvage)),
        Kind::RunResults => {
            Content::RunResults(RunResults::salvage(&sections, metadata, &mut salvage))
        }
        Kind::Sources => Content::Sources(Freshness::salvage(&sections, metadata, &mut salvage)),
    };
    salvage.diagnostics.extend(newer);
    Ok(Reading {
        artifact: places.artifact,
        content,
        diagnostics: salvage.diagnostics,
        damaged: salvage.damaged,
    })
}

/// Why not even the outermost object could be read.
fn unreadable(places: Places, guess: Kind, found: &serde_json::Error) -> Refusal {
    let at = places.error(places.text, found);
    let (code, what) = match found.classify() {
        serde_json::error::Category::Eof => {
            ("dbt/truncated", "found the end of the file within it")
        }
        serde_json::error::Category::Data => ("dbt/not-an-artifact", "found other JSON"),
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
            ("dbt/not-json", "found no JSON")
        }
    };
    let message = format!("{}, {what}: {}", guess.expected(), plain(found));
    Refusal::Malformed(guess, error(code, message, at))
}

/// What the metadata say an artifact is, and a warning if its version is a later one.
fn identify(places: Places, metadata: &Metadata) -> Result<(Kind, Option<Diagnostic>), Refusal> {
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
        return Err(Refusal::Foreign(format!(
            "{artifact}: {EXPECTED}, found {found} and no `metadata.dbt_schema_version`"
        )));
    };
    let (what, version) = parse_schema(schema);
    let Some(kind) = Kind::ALL
        .into_iter()
        .find(|kind| kind.schema_name() == what)
    else {
        return Err(Refusal::Foreign(format!(
            "{artifact}: {EXPECTED}, found schema version `{schema}`"
        )));
    };
    let newest = kind.version_max();
    match version {
        Some(version) if version > newest => {
            let message = format!(
                "schema version {version} is newer than {newest}, the newest one known here; \
                 what it adds is not read"
            );
            let at = Places::pointer(artifact, "/metadata/dbt_schema_version".into());
            let code = "dbt/newer-schema";
            let newer = diagnostic(Severity::Warning, code, message, Some(at));
            Ok((kind, Some(newer)))
        }
        Some(1..) => Ok((kind, None)),
        _ => Err(Refusal::Unsupported(
            kind,
            format!(
                "{artifact}: {}, found schema version `{schema}`",
                kind.expected()
            ),
        )),
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

fn error(code: &str, message: String, at: Location) -> Diagnostic {
    diagnostic(Severity::Error, code, message, Some(at))
}
