//! What a guest emits, checked as it arrives.

use std::time::{Duration, Instant};

use headwater_model::{
    AssetName, Coverage, Diagnostic, Evidence, Extraction, FactKind, Facts, FieldName, Name,
    Namespace, Severity, Text, Timestamp,
};

use crate::HostConfig;
use crate::bindings::headwater::extractor::types as wit;
use crate::limiter::bytes_text;
use crate::place::{Place, Refusal, cut, cut_to};

/// What each string costs beside its bytes, for the quota.
const STRING_OVERHEAD_BYTES: u64 = 32;
/// The longest message of a finding; the rest is cut.
const MESSAGE_BYTES_MAX: usize = 4096;
/// The longest code of a finding; the rest is cut.
const CODE_BYTES_MAX: usize = 128;
/// The longest name of an artifact, and the longest pointer into one.
const PLACE_BYTES_MAX: usize = 4096;
/// Entries that are taken between two looks at the clock.
const ENTRIES_PER_LOOK: u32 = 1024;

/// A string that was sent, with the names that it was already taken for.
#[derive(Debug)]
struct Symbol {
    text: Text,
    namespace: Option<Namespace>,
    name: Option<Name>,
    field: Option<FieldName>,
    is_json: bool,
}

/// What one call may emit, and until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) facts_max: u64,
    pub(crate) strings_bytes_max: u64,
    pub(crate) stated_bytes_max: u64,
    pub(crate) diagnostics_max: usize,
    pub(crate) deadline: Instant,
    pub(crate) timeout: Duration,
}

impl Bounds {
    pub(crate) fn new(
        config: &HostConfig,
        limits: &headwater_model::ExtractorLimits,
        deadline: Instant,
    ) -> Self {
        Self {
            facts_max: limits.facts_max,
            strings_bytes_max: config.strings_bytes_max,
            stated_bytes_max: config.stated_bytes_max,
            diagnostics_max: config.diagnostics_max,
            deadline,
            timeout: limits.timeout,
        }
    }
}

/// Collects the facts and findings of one call.
#[derive(Debug)]
pub(crate) struct Collector {
    bounds: Bounds,
    symbols: Vec<Symbol>,
    pub(crate) nodes: Vec<AssetName>,
    pub(crate) facts: Facts,
    diagnostics: Vec<Diagnostic>,
    diagnostics_dropped: usize,
    worst_dropped: Severity,
    batches: u64,
    facts_count: u64,
    transformations_count: u64,
    strings_bytes: u64,
    stated_bytes: u64,
    entries_until_look: u32,
    refusal: Option<Refusal>,
}

impl Collector {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            symbols: Vec::new(),
            nodes: Vec::new(),
            facts: Facts::default(),
            diagnostics: Vec::new(),
            diagnostics_dropped: 0,
            worst_dropped: Severity::Info,
            batches: 0,
            facts_count: 0,
            transformations_count: 0,
            strings_bytes: 0,
            stated_bytes: 0,
            entries_until_look: ENTRIES_PER_LOOK,
            refusal: None,
        }
    }

    /// Why the call has failed, if it has.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// Fails the call for a reason of the host's, unless it failed already.
    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        self.refusal.get_or_insert(refusal);
    }

    /// Takes one push, or none of it that matters: a refusal fails the call for good.
    pub(crate) fn emit(&mut self, batch: wit::Batch) -> Result<(), Refusal> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        let taken = self.take(batch);
        if let Err(refusal) = &taken {
            self.refusal = Some(refusal.clone());
        }
        self.batches += 1;
        taken
    }

    fn take(&mut self, batch: wit::Batch) -> Result<(), Refusal> {
        self.look_at_clock()?;
        self.count(&batch)?;
        for text in batch.strings {
            self.symbols.push(Symbol {
                text: text.into(),
                namespace: None,
                name: None,
                field: None,
                is_json: false,
            });
        }
        let places = self.places(batch.locations)?;
        self.take_entities(batch.entities, &places)?;
        self.take_edges(&batch.edges, &places)?;
        self.take_field_edges(batch.field_edges, &places)?;
        self.take_selectors(&batch.selectors, &places)?;
        self.take_aliases(&batch.aliases, &places)?;
        self.take_attributes(&batch.attributes)?;
        self.take_facets(&batch.facets)?;
        self.take_runs(&batch.runs)
    }

    /// Counts what the push brings, before anything of it is taken.
    fn count(&mut self, batch: &wit::Batch) -> Result<(), Refusal> {
        let fields: usize = (batch.entities.iter())
            .map(|entity| match entity {
                wit::Entity::Dataset(dataset) => dataset.fields.len(),
                wit::Entity::Job(_) => 0,
            })
            .sum();
        let facts = fields
            + batch.entities.len()
            + batch.edges.len()
            + batch.field_edges.len()
            + batch.selectors.len()
            + batch.aliases.len()
            + batch.attributes.len()
            + batch.facets.len()
            + batch.runs.len();
        self.facts_count += facts as u64;
        let transformations: usize = (batch.field_edges.iter())
            .map(|edge| edge.transformations.len())
            .sum();
        self.transformations_count += transformations as u64;
        for (count, noun) in [
            (self.facts_count, "facts"),
            (self.transformations_count, "transformations"),
        ] {
            if count > self.bounds.facts_max {
                return Err(Refusal::Quota(format!(
                    "it emitted {count} {noun}; one call may emit {}",
                    self.bounds.facts_max
                )));
            }
        }
        let located = (batch.locations.iter()).map(|location| {
            location.artifact.len() + location.pointer.as_ref().map_or(0, String::len)
        });
        let bytes: u64 = (batch.strings.iter().map(String::len).chain(located))
            .map(|len| len as u64 + STRING_OVERHEAD_BYTES)
            .sum();
        self.strings_bytes += bytes;
        if self.strings_bytes > self.bounds.strings_bytes_max {
            return Err(Refusal::Quota(format!(
                "it emitted {} of strings; one call may emit {}",
                bytes_text(self.strings_bytes),
                bytes_text(self.bounds.strings_bytes_max)
            )));
        }
        Ok(())
    }

    /// The guest's clock stands still while the host checks a push, so the host looks itself.
    fn look_at_clock(&self) -> Result<(), Refusal> {
        if Instant::now() < self.bounds.deadline {
            return Ok(());
        }
        Err(Refusal::Late(late(self.bounds.timeout)))
    }

    /// The place of an entry; every so often a look at the clock.
    pub(crate) fn at(&mut self, list: &'static str, index: usize) -> Result<Place, Refusal> {
        self.entries_until_look -= 1;
        if self.entries_until_look == 0 {
            self.entries_until_look = ENTRIES_PER_LOOK;
            self.look_at_clock()?;
        }
        Ok(Place {
            batch: self.batches,
            list,
            index,
        })
    }

    fn symbol(
        &mut self,
        at: Place,
        field: impl std::fmt::Display,
        sym: wit::Sym,
    ) -> Result<&mut Symbol, Refusal> {
        let sent = self.symbols.len();
        let Some(found) = self.symbols.get_mut(sym as usize) else {
            return Err(at.invalid(
                field,
                format_args!("string {sym} was not sent (strings so far: {sent})"),
            ));
        };
        stated(&mut self.stated_bytes, found.text.len(), &self.bounds)?;
        Ok(found)
    }

    /// Counts a name that stands in a fact because of a node.
    pub(crate) fn count_name(&mut self, name: &AssetName) -> Result<(), Refusal> {
        let bytes = name.name.namespace.as_str().len() + name.name.name.as_str().len();
        stated(&mut self.stated_bytes, bytes, &self.bounds)
    }

    pub(crate) fn text(
        &mut self,
        at: Place,
        field: impl std::fmt::Display,
        sym: wit::Sym,
    ) -> Result<Text, Refusal> {
        self.symbol(at, field, sym).map(|found| found.text.clone())
    }

    pub(crate) fn text_of(
        &mut self,
        at: Place,
        field: impl std::fmt::Display,
        sym: Option<wit::Sym>,
    ) -> Result<Option<Text>, Refusal> {
        sym.map(|sym| self.text(at, field, sym)).transpose()
    }

    /// A string taken for a kind of name that is not kept with the string.
    pub(crate) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        at: Place,
        field: impl std::fmt::Display + Copy,
        sym: wit::Sym,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, Refusal> {
        let text = self.text(at, field, sym)?;
        parse(&text).map_err(|rule| unnamed(at, field, &text, rule))
    }

    pub(crate) fn namespace(
        &mut self,
        at: Place,
        field: impl std::fmt::Display + Copy,
        sym: wit::Sym,
    ) -> Result<Namespace, Refusal> {
        let symbol = self.symbol(at, field, sym)?;
        if symbol.namespace.is_none() {
            let parsed = Namespace::parse(&symbol.text);
            let parsed = parsed.map_err(|rule| unnamed(at, field, &symbol.text, rule))?;
            symbol.namespace = Some(parsed);
        }
        Ok(symbol.namespace.clone().expect("it was parsed just now"))
    }

    pub(crate) fn name(
        &mut self,
        at: Place,
        field: impl std::fmt::Display + Copy,
        sym: wit::Sym,
    ) -> Result<Name, Refusal> {
        let symbol = self.symbol(at, field, sym)?;
        if symbol.name.is_none() {
            let parsed = Name::parse(&symbol.text);
            let parsed = parsed.map_err(|rule| unnamed(at, field, &symbol.text, rule))?;
            symbol.name = Some(parsed);
        }
        Ok(symbol.name.clone().expect("it was parsed just now"))
    }

    pub(crate) fn field_name(
        &mut self,
        at: Place,
        field: impl std::fmt::Display + Copy,
        sym: wit::Sym,
    ) -> Result<FieldName, Refusal> {
        let symbol = self.symbol(at, field, sym)?;
        if symbol.field.is_none() {
            let parsed = FieldName::parse(&symbol.text);
            let parsed = parsed.map_err(|rule| unnamed(at, field, &symbol.text, rule))?;
            symbol.field = Some(parsed);
        }
        Ok(symbol.field.clone().expect("it was parsed just now"))
    }

    /// A string that is JSON by `check`, which is asked once for each string.
    pub(crate) fn json(
        &mut self,
        at: Place,
        field: impl std::fmt::Display,
        sym: wit::Sym,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Text, Refusal> {
        let symbol = self.symbol(at, &field, sym)?;
        if !symbol.is_json {
            check(&symbol.text).map_err(|rule| unnamed(at, field, &symbol.text, rule))?;
            symbol.is_json = true;
        }
        Ok(symbol.text.clone())
    }

    fn places(&mut self, locations: Vec<wit::Location>) -> Result<Vec<Evidence>, Refusal> {
        let mut places = Vec::with_capacity(locations.len());
        let mut artifact: Option<Text> = None;
        for (index, location) in locations.into_iter().enumerate() {
            let at = self.at("locations", index)?;
            // Nearly all places of a push are in one artifact: its name is kept once.
            let shared = artifact
                .take()
                .filter(|last| **last == *location.artifact)
                .unwrap_or_else(|| location.artifact.as_str().into());
            artifact = Some(shared.clone());
            let evidence =
                evidence(shared, location).map_err(|(field, rule)| at.invalid(field, rule))?;
            places.push(evidence);
        }
        Ok(places)
    }

    /// Takes findings; what is too many is counted, and what is too long is cut.
    pub(crate) fn diagnose(&mut self, found: Vec<wit::Diagnostic>) -> Result<(), Refusal> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        self.look_at_clock()?;
        for finding in found {
            if self.diagnostics.len() < self.bounds.diagnostics_max {
                self.diagnostics.push(diagnostic(finding));
            } else {
                self.diagnostics_dropped += 1;
                self.worst_dropped = self.worst_dropped.max(severity(finding.severity));
            }
        }
        Ok(())
    }

    /// Whether the call's time is over; if it is, the call has failed with that.
    pub(crate) fn is_late(&mut self) -> bool {
        let late = self.look_at_clock().err();
        let is_late = late.is_some();
        self.refusal = self.refusal.take().or(late);
        is_late
    }

    /// What the call stated, once it has ended well.
    pub(crate) fn finish(
        mut self,
        extraction: wit::Extraction,
        logged: Vec<Diagnostic>,
    ) -> Result<Extraction, Refusal> {
        if let Some(refusal) = self.refusal {
            return Err(refusal);
        }
        if self.diagnostics_dropped > 0 {
            // Its severity is that of the worst that was dropped: an error means that silence ends nothing.
            self.diagnostics.push(Diagnostic::new(
                self.worst_dropped,
                "host/diagnostics-dropped",
                format!(
                    "{} more findings were dropped; one call may report {}",
                    self.diagnostics_dropped, self.bounds.diagnostics_max
                ),
            ));
        }
        self.diagnostics.extend(logged);
        let generated_at = extraction
            .generated
            .map(|millis| {
                timestamp(millis)
                    .map_err(|rule| Refusal::Invalid(format!("extraction.generated: {rule}")))
            })
            .transpose()?;
        Ok(Extraction {
            covers: coverage(extraction.covers),
            generated_at,
            facts: self.facts,
            diagnostics: self.diagnostics,
        })
    }
}

/// Counts what a fact states, written out: a string that was sent once can stand in any number of facts.
fn stated(stated_bytes: &mut u64, bytes: usize, bounds: &Bounds) -> Result<(), Refusal> {
    *stated_bytes += bytes as u64;
    if *stated_bytes > bounds.stated_bytes_max {
        return Err(Refusal::Quota(format!(
            "its facts state {} of strings, each counted where it stands; those of one call may state {}",
            bytes_text(*stated_bytes),
            bytes_text(bounds.stated_bytes_max)
        )));
    }
    Ok(())
}

/// Says that `text` is no name of the kind that `field` holds.
fn unnamed(
    at: Place,
    field: impl std::fmt::Display,
    text: &str,
    rule: impl std::fmt::Display,
) -> Refusal {
    at.invalid(field, format_args!("{:?} {rule}", cut(text)))
}

/// What a call hears, and its caller, when its time is over.
pub(crate) fn late(timeout: Duration) -> String {
    format!("it ran longer than {timeout:?}")
}

fn evidence(artifact: Text, location: wit::Location) -> Result<Evidence, (&'static str, String)> {
    let pointer_len = location.pointer.as_ref().map_or(0, String::len);
    for (field, len) in [("artifact", artifact.len()), ("pointer", pointer_len)] {
        if len > PLACE_BYTES_MAX {
            let rule = format!("is {len} bytes long, more than {PLACE_BYTES_MAX}");
            return Err((field, rule));
        }
    }
    if let Some(pointer) = &location.pointer
        && !pointer.is_empty()
        && !pointer.starts_with('/')
    {
        let rule = format!(
            "{:?} is no JSON pointer: it begins with '/' or is empty",
            cut(pointer)
        );
        return Err(("pointer", rule));
    }
    for (field, number) in [("line", location.line), ("column", location.column)] {
        if number == Some(0) {
            return Err((field, "is 0, but counts from 1".to_owned()));
        }
    }
    Ok(Evidence {
        artifact,
        pointer: location.pointer.map(Text::from),
        line: location.line,
        column: location.column,
    })
}

/// A finding, with what is too long cut and a place that breaks a rule left out: the finding counts more.
pub(crate) fn diagnostic(found: wit::Diagnostic) -> Diagnostic {
    let at = found.at.and_then(|location| {
        let artifact = location.artifact.as_str().into();
        evidence(artifact, location).ok()
    });
    Diagnostic {
        severity: severity(found.severity),
        code: cut_to(&found.code, CODE_BYTES_MAX).into(),
        message: cut_to(&found.message, MESSAGE_BYTES_MAX).into(),
        at,
    }
}

pub(crate) fn severity(severity: wit::Severity) -> Severity {
    match severity {
        wit::Severity::Info => Severity::Info,
        wit::Severity::Warning => Severity::Warning,
        wit::Severity::Error => Severity::Error,
    }
}

/// An instant in the years 0001 to 9999, which is what the contract's clients can write.
pub(crate) fn timestamp(millis: i64) -> Result<Timestamp, String> {
    const FIRST: i64 = -62_135_596_800_000;
    const LAST: i64 = 253_402_300_799_999;
    if (FIRST..=LAST).contains(&millis) {
        return Ok(Timestamp::from_millis(millis));
    }
    Err(format!("{millis} ms is outside the years 0001 to 9999"))
}

fn coverage(covers: wit::Coverage) -> Coverage {
    let kinds = [
        (wit::Coverage::DATASETS, FactKind::Datasets),
        (wit::Coverage::FIELDS, FactKind::Fields),
        (wit::Coverage::JOBS, FactKind::Jobs),
        (wit::Coverage::EDGES, FactKind::Edges),
        (wit::Coverage::FIELD_EDGES, FactKind::FieldEdges),
        (wit::Coverage::SELECTORS, FactKind::Selectors),
        (wit::Coverage::ALIASES, FactKind::Aliases),
        (wit::Coverage::ATTRIBUTES, FactKind::Attributes),
        (wit::Coverage::FACETS, FactKind::Facets),
    ];
    kinds
        .into_iter()
        .filter(|(flag, _)| covers.contains(*flag))
        .map(|(_, kind)| kind)
        .collect()
}
