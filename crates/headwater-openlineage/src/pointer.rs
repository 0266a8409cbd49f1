//! Where in an event: JSON pointers that cost nothing until they are shown.

use std::fmt::Write as _;

/// One step from a value to a value inside it.
#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// A place in the event, linked to the place that holds it.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    within: Option<(&'a Place<'a>, Step<'a>)>,
}

impl<'a> Place<'a> {
    /// The event itself.
    pub(crate) const ROOT: Place<'static> = Place { within: None };

    /// The value of `key` in the object here.
    pub(crate) fn key(&'a self, key: &'a str) -> Place<'a> {
        Place {
            within: Some((self, Step::Key(key))),
        }
    }

    /// The item at `index` in the list here.
    pub(crate) fn index(&'a self, index: usize) -> Place<'a> {
        Place {
            within: Some((self, Step::Index(index))),
        }
    }

    /// The place as an RFC 6901 pointer.
    pub(crate) fn pointer(&self) -> String {
        let mut pointer = String::new();
        self.write(&mut pointer);
        pointer
    }

    fn write(&self, pointer: &mut String) {
        let Some((outer, step)) = self.within else {
            return;
        };
        outer.write(pointer);
        pointer.push('/');
        match step {
            Step::Index(index) => {
                let _ = write!(pointer, "{index}");
            }
            Step::Key(key) => {
                for character in key.chars() {
                    match character {
                        '~' => pointer.push_str("~0"),
                        '/' => pointer.push_str("~1"),
                        _ => pointer.push(character),
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn pointers_escape_slash_and_tilde() {
        let fields = Place::ROOT.key("fields");
        let field = fields.key("a/b~c");
        assert_eq!(field.index(2).pointer(), "/fields/a~1b~0c/2");
        assert_eq!(Place::ROOT.pointer(), "");
    }
}
