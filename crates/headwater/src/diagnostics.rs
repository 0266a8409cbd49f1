//! Findings about an input, as people read them.

use headwater_model::{Diagnostic, Severity};
use serde::{Deserialize, Serialize};

use crate::output::{self, Tone, count, printable};

/// How many findings are told; the JSON of an answer has them all.
const SHOWN_MAX: usize = 100;

/// A finding, as the service answers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) severity: String,
    pub(crate) code: String,
    pub(crate) message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
}

impl From<&Diagnostic> for Finding {
    fn from(diagnostic: &Diagnostic) -> Self {
        let at = diagnostic.at.as_ref();
        let severity = match diagnostic.severity {
            Severity::Info => "INFO",
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
        };
        Self {
            severity: severity.to_owned(),
            code: diagnostic.code.to_string(),
            message: diagnostic.message.to_string(),
            artifact: at.map(|at| at.artifact.to_string()),
            pointer: at.and_then(|at| Some(at.pointer.as_ref()?.to_string())),
            line: at.and_then(|at| at.line),
            column: at.and_then(|at| at.column),
        }
    }
}

impl Finding {
    /// True if part of the input could not be understood.
    pub(crate) fn is_error(&self) -> bool {
        self.severity == "ERROR"
    }

    fn tone(&self) -> Tone {
        match self.severity.as_str() {
            "ERROR" => Tone::Error,
            "WARNING" => Tone::Warning,
            _ => Tone::Plain,
        }
    }

    /// `warning: message (dbt/unresolved-ref, manifest.json /nodes/x 3:7)`.
    pub(crate) fn text(&self) -> String {
        let mut place = self.code.clone();
        if let Some(artifact) = &self.artifact {
            place.push_str(", ");
            place.push_str(artifact);
        }
        if let Some(pointer) = self
            .pointer
            .as_deref()
            .filter(|pointer| !pointer.is_empty())
        {
            place.push(' ');
            place.push_str(pointer);
        }
        if let Some(line) = self.line {
            place += &[":", &line.to_string()].concat();
            if let Some(column) = self.column {
                place += &[":", &column.to_string()].concat();
            }
        }
        let severity = self.severity.to_lowercase();
        printable(&format!("{severity}: {} ({place})", self.message))
    }
}

/// Tells findings on standard error, errors first.
pub(crate) fn tell(findings: &[Finding]) {
    let mut ordered: Vec<&Finding> = findings.iter().collect();
    ordered.sort_by_key(|finding| match finding.tone() {
        Tone::Error => 0,
        Tone::Warning => 1,
        _ => 2,
    });
    for finding in ordered.iter().take(SHOWN_MAX) {
        output::tell(finding.tone(), &finding.text());
    }
    if let Some(rest) = ordered.get(SHOWN_MAX..).filter(|rest| !rest.is_empty()) {
        let more = count(rest.len() as u64, "more finding");
        output::tell(Tone::Plain, &format!("and {more}"));
    }
}

#[cfg(test)]
mod tests {
    use headwater_model::Evidence;
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn a_finding_says_what_where_and_by_which_rule() {
        let found = Diagnostic::new(Severity::Warning, "dbt/unresolved-ref", "no model\nnamed x");
        assert_snapshot!(Finding::from(&found).text(), @"warning: no model named x (dbt/unresolved-ref)");
        let placed = found.at(Evidence {
            artifact: "a.sql".into(),
            pointer: None,
            line: Some(3),
            column: Some(7),
        });
        assert_snapshot!(Finding::from(&placed).text(), @"warning: no model named x (dbt/unresolved-ref, a.sql:3:7)");
    }
}
