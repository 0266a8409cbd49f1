//! How texts are read: runs of letters and digits, the parts of a run, segments, and the folded form.

/// The longest text that is read. Of a longer name the end is read, because endings identify; of a longer
/// description the beginning.
pub(crate) const TEXT_BYTES_MAX: usize = 4096;
/// A longer run is known by its beginning.
pub(crate) const RUN_BYTES_MAX: usize = 64;
/// A part of a single character says too little to be found by.
const PART_CHARS_MIN: usize = 2;
/// A run of more parts is a hash or a serial number, and its parts say nothing.
const PARTS_MAX: usize = 6;

/// One stretch of letters and digits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    /// In lower case, at most [`RUN_BYTES_MAX`] bytes, never empty.
    pub(crate) text: &'a str,
    /// Where its parts begin, but for the first: at `orderItems`, `HTTPServer` and `v2`, the second.
    cuts: &'a [u16],
    /// A segment begins here: it is the first run, or a `.` or `/` stands before it.
    pub(crate) begins_segment: bool,
}

impl<'a> Run<'a> {
    /// Its parts, if it has several and they are worth finding.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let (text, cuts) = (self.text, self.cuts);
        let count = if cuts.is_empty() || cuts.len() >= PARTS_MAX {
            0
        } else {
            cuts.len() + 1
        };
        (0..count)
            .map(move |at| {
                let start = at.checked_sub(1).map_or(0, |before| cuts[before].into());
                let end = cuts.get(at).map_or(text.len(), |cut| usize::from(*cut));
                &text[start..end]
            })
            .filter(|part| part.chars().count() >= PART_CHARS_MIN)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Upper,
    Letter,
    Digit,
}

impl Class {
    fn of(character: char) -> Self {
        if character.is_numeric() {
            Self::Digit
        } else if character.is_uppercase() {
            Self::Upper
        } else {
            Self::Letter
        }
    }
}

/// Reads texts; keeps its buffers from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    run: String,
    cuts: Vec<u16>,
}

impl Reader {
    /// Calls `visit` with each run of `text`, in order.
    pub(crate) fn runs(&mut self, text: &str, mut visit: impl FnMut(Run<'_>)) {
        let mut begins_segment = true;
        let mut classes: [Option<Class>; 2] = [None, None];
        let mut last_start = 0;
        self.run.clear();
        self.cuts.clear();
        for character in text.chars() {
            if is_combining(character) {
                continue;
            }
            if !character.is_alphanumeric() {
                if !self.run.is_empty() {
                    visit(self.taken(begins_segment));
                    self.run.clear();
                    self.cuts.clear();
                    begins_segment = false;
                }
                classes = [None, None];
                begins_segment |= matches!(character, '.' | '/');
                continue;
            }
            let class = Class::of(character);
            let cut = match (classes, class) {
                ([_, Some(Class::Upper | Class::Letter)], Class::Digit)
                | ([_, Some(Class::Digit)], Class::Upper | Class::Letter)
                | ([_, Some(Class::Letter)], Class::Upper) => Some(self.run.len()),
                ([Some(Class::Upper), Some(Class::Upper)], Class::Letter) => Some(last_start),
                _ => None,
            };
            classes = [classes[1], Some(class)];
            last_start = self.run.len();
            if last_start + 4 * 3 > RUN_BYTES_MAX {
                continue;
            }
            if let Some(cut) = cut {
                self.cuts.push(cut as u16);
            }
            if character.is_ascii() {
                self.run.push(character.to_ascii_lowercase());
                continue;
            }
            let lower = character.to_lowercase();
            self.run.extend(lower.filter(|lower| !is_combining(*lower)));
        }
        if !self.run.is_empty() {
            visit(self.taken(begins_segment));
        }
    }

    fn taken(&self, begins_segment: bool) -> Run<'_> {
        Run {
            text: &self.run,
            cuts: &self.cuts,
            begins_segment,
        }
    }

    /// Writes the folded form of `text` behind what `folded` holds: its runs, a space between two.
    /// Calls `segment` with the place of each run that begins a segment.
    pub(crate) fn fold(&mut self, text: &str, folded: &mut String, mut segment: impl FnMut(usize)) {
        self.runs(text, |run| {
            if !folded.is_empty() {
                folded.push(' ');
            }
            if run.begins_segment {
                segment(folded.len());
            }
            folded.push_str(run.text);
        });
    }
}

/// The marks that decompose an accented letter; with or without them it is the same run.
fn is_combining(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}')
}

/// The end of a name that is too long to be read whole.
pub(crate) fn bounded_name(name: &str) -> &str {
    let start = name.len().saturating_sub(TEXT_BYTES_MAX);
    &name[name.ceil_char_boundary(start)..]
}

/// The beginning of a description that is too long to be read whole.
pub(crate) fn bounded_description(description: &str) -> &str {
    &description[..description.floor_char_boundary(TEXT_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut shown = Vec::new();
        Reader::default().runs(text, |run| {
            let parts: Vec<_> = run.parts().collect();
            let segment = if run.begins_segment { "|" } else { "" };
            let parts = if parts.is_empty() {
                String::new()
            } else {
                format!("({})", parts.join(" "))
            };
            shown.push(format!("{segment}{}{parts}", run.text));
        });
        assert_eq!(shown.join(" "), expected, "{text:?}");
    }

    #[test]
    fn names_are_read_as_runs_parts_and_segments() {
        for (text, expected) in [
            ("shop.public.stg_orders", "|shop |public |stg orders"),
            ("wh/orders.db/daily", "|wh |orders |db |daily"),
            ("OrderItems", "|orderitems(order items)"),
            ("parseHTTPServer", "|parsehttpserver(parse http server)"),
            ("orders2024_v2", "|orders2024(orders 2024) v2"),
            ("a1b2c3d4e5f6", "|a1b2c3d4e5f6"),
            ("_._x..y_", "|x |y"),
            ("Größe.ÄRGER", "|größe |ärger"),
            ("İstanbul", "|istanbul"),
            ("cafe\u{301}", "|cafe"),
            ("注文.明細", "|注文 |明細"),
            ("", ""),
            ("--", ""),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn a_long_run_is_known_by_its_beginning() {
        let long = "ä".repeat(1000);
        Reader::default().runs(&long, |run| {
            assert!(run.text.len() <= RUN_BYTES_MAX && run.text.len() > RUN_BYTES_MAX / 2);
        });
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = format!("{}x", "ä".repeat(TEXT_BYTES_MAX));
        assert!(bounded_name(&long).ends_with('x'));
        assert!(bounded_name(&long).len() <= TEXT_BYTES_MAX);
        assert!(bounded_description(&format!("x{long}")).len() <= TEXT_BYTES_MAX);
    }
}
