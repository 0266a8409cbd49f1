//! What transforms do to the fields of a record.

use std::collections::{BTreeMap, BTreeSet};

/// How the fields of a record lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Side by side.
    #[default]
    Plain,
    /// In an envelope of Debezium: below `before` and `after`, with what stands between the names.
    Envelope(String),
    /// Not known.
    Unknown,
}

/// Where a field comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) field: String,
    pub(crate) is_changed: bool,
    pub(crate) is_masked: bool,
}

/// The fields of a record, as far as the transforms name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) shape: Shape,
    /// What stands before each field where the record comes from.
    pub(crate) origin_prefix: &'static str,
    /// What stands before each field now.
    pub(crate) prefix: String,
    /// Fields that are named, by their names now.
    pub(crate) named: BTreeMap<String, Origin>,
    pub(crate) dropped: BTreeSet<String>,
    /// Whether all other fields keep their names.
    pub(crate) has_rest: bool,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            shape: Shape::Plain,
            origin_prefix: "",
            prefix: String::new(),
            named: BTreeMap::new(),
            dropped: BTreeSet::new(),
            has_rest: true,
        }
    }
}

impl Record {
    pub(crate) fn envelope() -> Self {
        Self {
            shape: Shape::Envelope(".".into()),
            ..Self::default()
        }
    }

    /// Whether every field arrives as it is.
    pub(crate) fn is_identity(&self) -> bool {
        self.is_known() && self.has_rest && self.named.is_empty() && self.dropped.is_empty()
    }

    /// Whether it is known what becomes of each field.
    pub(crate) fn is_known(&self) -> bool {
        self.shape != Shape::Unknown
    }

    pub(crate) fn forget(&mut self) {
        self.shape = Shape::Unknown;
        self.named.clear();
        self.dropped.clear();
        self.has_rest = false;
    }

    fn is_plain(&self) -> bool {
        self.shape == Shape::Plain && self.prefix.is_empty()
    }

    /// Takes a field out.
    fn take(&mut self, field: &str) -> Option<Origin> {
        if let Some(origin) = self.named.remove(field) {
            return Some(origin);
        }
        if !self.has_rest || !self.dropped.insert(field.to_owned()) {
            return None;
        }
        Some(Origin {
            field: field.to_owned(),
            is_changed: false,
            is_masked: false,
        })
    }

    fn put(&mut self, field: &str, origin: Origin) {
        self.dropped.remove(field);
        self.named.insert(field.to_owned(), origin);
    }

    /// The value of a field is changed, or masked.
    pub(crate) fn change(&mut self, field: &str, is_masked: bool) {
        if !matches!(self.shape, Shape::Plain | Shape::Envelope(_)) || !self.prefix.is_empty() {
            return;
        }
        if let Some(mut origin) = self.take(field) {
            origin.is_changed = true;
            origin.is_masked |= is_masked;
            self.put(field, origin);
        }
    }

    /// Of an envelope, the row; of a record in a sink, the topic has the envelope.
    pub(crate) fn unwrap(&mut self, is_sink: bool) {
        match self.shape {
            Shape::Envelope(_) => self.shape = Shape::Plain,
            Shape::Plain if is_sink && self.is_identity() && self.origin_prefix.is_empty() => {
                self.origin_prefix = "after.";
            }
            _ => {}
        }
    }

    pub(crate) fn flatten(&mut self, delimiter: &str) {
        match &mut self.shape {
            Shape::Envelope(between) => delimiter.clone_into(between),
            Shape::Plain if !self.prefix.is_empty() => {
                self.prefix.pop();
                self.prefix.push_str(delimiter);
            }
            _ => {}
        }
    }

    pub(crate) fn hoist(&mut self, field: &str) {
        if self.is_plain() {
            self.prefix = format!("{field}.");
        } else {
            self.forget();
        }
    }

    pub(crate) fn extract(&mut self, field: &str) {
        match self.shape {
            Shape::Envelope(_) if field == "after" => self.shape = Shape::Plain,
            Shape::Plain if self.prefix == format!("{field}.") => self.prefix.clear(),
            _ => self.forget(),
        }
    }

    /// What `ReplaceField` does: leaves out, keeps only, renames, in this order.
    pub(crate) fn replace(&mut self, exclude: &[&str], include: &[&str], renames: &[(&str, &str)]) {
        if !self.is_plain() {
            // It names members of the envelope, or of what the record was hoisted into.
            if self.shape != Shape::Unknown
                && !exclude.is_empty()
                && include.is_empty()
                && renames.is_empty()
                && !exclude.contains(&"after")
            {
                return;
            }
            return self.forget();
        }
        for field in exclude {
            self.named.remove(*field);
            self.dropped.insert((*field).to_owned());
        }
        if !include.is_empty() {
            let kept: Vec<_> = include
                .iter()
                .filter_map(|field| Some((*field, self.take(field)?)))
                .collect();
            self.named.clear();
            self.dropped.clear();
            self.has_rest = false;
            for (field, origin) in kept {
                self.put(field, origin);
            }
        }
        let moved: Vec<_> = renames
            .iter()
            .filter_map(|(from, to)| Some((*to, self.take(from)?)))
            .collect();
        for (to, origin) in moved {
            self.put(to, origin);
        }
    }

    /// Names of a field that is `now` in the record, where the record goes.
    pub(crate) fn shown(&self, now: &str) -> Vec<String> {
        match &self.shape {
            Shape::Plain => vec![format!("{}{now}", self.prefix)],
            Shape::Envelope(between) => ["after", "before"]
                .map(|side| format!("{side}{between}{now}"))
                .into(),
            Shape::Unknown => Vec::new(),
        }
    }

    /// What a field of the beginning is called now, where that is known.
    pub(crate) fn now(&self, field: &str) -> Option<String> {
        let renamed = self.named.iter().find(|(_, origin)| origin.field == field);
        if let Some((now, _)) = renamed {
            return self.shown(now).into_iter().next();
        }
        if !self.has_rest || self.dropped.contains(field) {
            return None;
        }
        self.shown(field).into_iter().next()
    }
}
