//! The operators' rules, ready to be looked up.

use headwater_model::{RewrittenPart, Text};
use regex::Regex;

/// What names in a namespace leave out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) database: Option<String>,
    pub(crate) schema: Option<String>,
}

/// Where a connection goes.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) connection: String,
    pub(crate) namespace: String,
    pub(crate) database: Option<String>,
    pub(crate) schema: Option<String>,
}

impl Target {
    /// True if the namespace is that of the connection, or has its UUID in it.
    pub(crate) fn is(&self, namespace: &str) -> bool {
        if self.connection == namespace {
            return true;
        }
        is_uuid(&self.connection)
            && namespace
                .split(|c: char| !(c.is_ascii_hexdigit() || c == '-'))
                .any(|segment| segment.eq_ignore_ascii_case(&self.connection))
    }
}

/// Eight, four, four, four and twelve hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

/// A rewrite whose expression is compiled.
#[derive(Clone, Debug)]
pub(crate) struct Rewrite {
    pub(crate) name: Text,
    pub(crate) part: RewrittenPart,
    pub(crate) namespace: Option<String>,
    pub(crate) pattern: Regex,
    pub(crate) replacement: Text,
}

impl Rewrite {
    /// What the rewrite makes of `text`; none if it leaves it as it is.
    pub(crate) fn apply(&self, namespace: &str, text: &str) -> Option<String> {
        let applies = self.namespace.as_deref().is_none_or(|of| of == namespace);
        if !applies || !self.pattern.is_match(text) {
            return None;
        }
        let is = self.pattern.replace(text, &*self.replacement);
        (is != text && !is.is_empty()).then(|| is.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_known_by_its_namespace_or_its_uuid() {
        let target = |connection: &str| Target {
            connection: connection.to_owned(),
            namespace: String::new(),
            database: None,
            schema: None,
        };
        let uuid = "a2dc77af-e654-49bb-b321-40f6b559a1ee";
        assert!(target(uuid).is(&format!("superset://bi/databases/{uuid}")));
        assert!(target(uuid).is(&uuid.to_uppercase()));
        assert!(target("metabase://bi/5").is("metabase://bi/5"));
        assert!(
            !target("5").is("metabase://bi/5"),
            "a number says too little"
        );
    }
}
