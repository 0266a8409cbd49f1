//! What is found while reading: noted, or refused in strict mode.

use headwater_model::{Diagnostic, Evidence, Severity, Text};

use crate::error::EventError;
use crate::event::Mode;

/// That many findings of one event are told; the rest is counted.
pub const DIAGNOSTICS_MAX: usize = 100;

/// The findings of one event.
pub(crate) struct Findings {
    mode: Mode,
    told: Vec<Diagnostic>,
    untold_count: usize,
}

impl Findings {
    /// None yet.
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode,
            told: Vec::new(),
            untold_count: 0,
        }
    }

    /// Notes that the specification is broken, and what was `done` about it.
    ///
    /// # Errors
    /// `fault` itself, in strict mode.
    pub(crate) fn tolerate(
        &mut self,
        code: &'static str,
        fault: EventError,
        done: &str,
    ) -> Result<(), EventError> {
        if self.mode == Mode::Strict {
            return Err(fault);
        }
        self.note(Severity::Warning, code, &fault, done);
        Ok(())
    }

    /// Notes what the specification allows.
    pub(crate) fn note(
        &mut self,
        severity: Severity,
        code: &'static str,
        fault: &EventError,
        done: &str,
    ) {
        if self.told.len() >= DIAGNOSTICS_MAX {
            self.untold_count += 1;
            return;
        }
        let message = format!("{}; {done}", fault.rule);
        self.told
            .push(Diagnostic::new(severity, code, message).at(Evidence {
                artifact: Text::from("event"),
                pointer: Some(Text::from(&*fault.pointer)),
                line: None,
                column: None,
            }));
    }

    /// All that was told.
    pub(crate) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        if self.untold_count > 0 {
            let message = format!("{} more findings are not told", self.untold_count);
            let more = Diagnostic::new(Severity::Warning, "openlineage/more", message);
            self.told.push(more);
        }
        self.told
    }
}
