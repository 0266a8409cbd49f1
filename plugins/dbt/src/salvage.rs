//! Reading a damaged artifact member by member, so that each one costs only what it says.

use headwater_extractor::{Diagnostic, Severity};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::place::{Places, diagnostic, pointer};
use crate::text::{Members, Text};

/// What could be read, and what could not.
pub(crate) struct Salvage<'a> {
    places: Places<'a>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) damaged: Vec<Text<'a>>,
}

/// The value of a top-level key; null is none.
pub(crate) fn section<'a>(sections: &Members<'a, &'a RawValue>, key: &str) -> Option<&'a RawValue> {
    let members = &sections.0;
    let raw = members.iter().find(|(name, _)| &**name == key)?.1;
    (raw.get() != "null").then_some(raw)
}

impl<'a> Salvage<'a> {
    pub(crate) fn new(places: Places<'a>) -> Self {
        Self {
            places,
            diagnostics: Vec::new(),
            damaged: Vec::new(),
        }
    }

    /// The members of a section that is an object. One that is something else is left out.
    ///
    /// Damaged members for which `is_needed` is false are left out in silence.
    pub(crate) fn members<T: Deserialize<'a>>(
        &mut self,
        sections: &Members<'a, &'a RawValue>,
        key: &str,
        is_needed: impl Fn(&str) -> bool,
    ) -> Members<'a, T> {
        match self.all_members(sections, key, is_needed) {
            Ok(members) => members,
            Err(found) => {
                self.diagnostics.push(found);
                Members::default()
            }
        }
    }

    /// The same, but a section that is no object is an error.
    pub(crate) fn all_members<T: Deserialize<'a>>(
        &mut self,
        sections: &Members<'a, &'a RawValue>,
        key: &str,
        is_needed: impl Fn(&str) -> bool,
    ) -> Result<Members<'a, T>, Diagnostic> {
        let Some(raw) = section(sections, key) else {
            return Ok(Members::default());
        };
        let members = serde_json::from_str::<Members<&RawValue>>(raw.get())
            .map_err(|error| self.damaged_section(key, raw, &error))?;
        let mut read = Vec::with_capacity(members.0.len());
        for (id, raw) in members.0 {
            match self.member(&[key, &id], &id, raw) {
                Ok(member) => read.push((id, member)),
                Err(_) if !is_needed(&id) => {}
                Err(found) => {
                    self.damaged.push(id);
                    self.diagnostics.push(found);
                }
            }
        }
        Ok(Members(read))
    }

    /// The elements of a section that is a list, at the positions that they have in it.
    pub(crate) fn elements<T: Deserialize<'a> + Default>(
        &mut self,
        sections: &Members<'a, &'a RawValue>,
        key: &str,
    ) -> Vec<T> {
        let Some(raw) = section(sections, key) else {
            return Vec::new();
        };
        let elements = match serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
            Ok(elements) => elements,
            Err(error) => {
                let found = self.damaged_section(key, raw, &error);
                self.diagnostics.push(found);
                return Vec::new();
            }
        };
        let mut read = Vec::with_capacity(elements.len());
        for (position, raw) in elements.into_iter().enumerate() {
            let position = position.to_string();
            let what = format!("{key}[{position}]");
            match self.member(&[key, &position], &what, raw) {
                Ok(element) => read.push(element),
                Err(found) => {
                    read.push(T::default());
                    self.diagnostics.push(found);
                }
            }
        }
        read
    }

    /// One value of an optional section.
    pub(crate) fn value<T: Deserialize<'a> + Default>(
        &mut self,
        sections: &Members<'a, &'a RawValue>,
        key: &str,
    ) -> T {
        let Some(raw) = section(sections, key) else {
            return T::default();
        };
        serde_json::from_str(raw.get()).unwrap_or_else(|error| {
            let found = self.damaged_section(key, raw, &error);
            self.diagnostics.push(found);
            T::default()
        })
    }

    fn member<T: Deserialize<'a>>(
        &self,
        path: &[&str],
        what: &str,
        raw: &'a RawValue,
    ) -> Result<T, Diagnostic> {
        let mut json = serde_json::Deserializer::from_str(raw.get());
        serde_path_to_error::deserialize::<_, T>(&mut json).map_err(|error| {
            let mut at = self.places.error(raw.get(), error.inner());
            at.pointer = Some(format!("{}{}", pointer(path), inside(error.path())));
            let message = format!("{what} is left out: {}", plain(error.inner()));
            diagnostic(Severity::Error, "dbt/damaged-node", message, Some(at))
        })
    }

    fn damaged_section(&self, key: &str, raw: &RawValue, error: &serde_json::Error) -> Diagnostic {
        let mut at = self.places.error(raw.get(), error);
        at.pointer = Some(pointer(&[key]));
        let message = format!("`{key}` is left out: {}", plain(error));
        diagnostic(Severity::Error, "dbt/damaged-section", message, Some(at))
    }
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

/// serde's message without the place, which the diagnostic has.
pub(crate) fn plain(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(at) => message[..at].to_owned(),
        None => message,
    }
}
