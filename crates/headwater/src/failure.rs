//! Why a command stops, and the exit code that says so.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use crate::output::{self, Tone};

/// What the exit code tells a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Something went wrong that the caller did not cause.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// A file, a configuration or an event is wrong.
    Input = 3,
    /// A reference names nothing, or several things.
    NotFound = 4,
    /// The answer is there, but a check on it did not hold.
    CheckFailed = 5,
}

/// Why a command stops, with advice.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    hints: Vec<String>,
    cause: Option<anyhow::Error>,
}

impl Failure {
    /// Lower case, without a full stop, naming the input.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            hints: Vec::new(),
            cause: None,
        }
    }

    /// What the caller may do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What brought it about.
    #[must_use]
    pub(crate) fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| {
            let cause: &(dyn Error + 'static) = cause.as_ref();
            cause
        })
    }
}

/// Whoever read standard output stopped reading, as `head` does: there is nobody left to tell.
#[derive(Debug, thiserror::Error)]
#[error("standard output was closed")]
pub(crate) struct OutputClosed;

/// The failure that `error` is, at whatever depth it was given context.
fn failure_in(error: &anyhow::Error) -> Option<&Failure> {
    // A failure that itself is context of another error is found by the first way only.
    error.downcast_ref::<Failure>().or_else(|| {
        error
            .chain()
            .find_map(|cause| cause.downcast_ref::<Failure>())
    })
}

/// The exit code that `error` asks for; none if nobody listens any more.
pub(crate) fn exit_of(error: &anyhow::Error) -> Option<Exit> {
    if error.is::<OutputClosed>() {
        return None;
    }
    Some(failure_in(error).map_or(Exit::Failed, |failure| failure.exit))
}

/// The lines that tell a person about `error`: the error, its causes, hints.
fn lines_of(error: &anyhow::Error) -> Vec<(Tone, String)> {
    let mut lines = vec![(Tone::Error, format!("error: {error}"))];
    let mut told = error.to_string();
    for cause in error.chain().skip(1) {
        let text = cause.to_string();
        // Many errors repeat their cause in their own message.
        if !told.contains(&text) {
            lines.push((Tone::Plain, format!("  caused by: {text}")));
        }
        told = text;
    }
    let hints = failure_in(error).map_or(&[][..], |failure| &failure.hints);
    let hints = hints.iter();
    lines.extend(hints.map(|hint| (Tone::Hint, format!("  hint: {hint}"))));
    lines
}

/// Tells a person on standard error, and a script by the exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let Some(exit) = exit_of(error) else {
        return ExitCode::SUCCESS;
    };
    tell(error);
    ExitCode::from(exit as u8)
}

/// Tells a person on standard error, where the command goes on.
pub(crate) fn tell(error: &anyhow::Error) {
    for (tone, line) in lines_of(error) {
        output::tell(tone, &line);
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;
    use insta::assert_snapshot;

    use super::*;

    fn text_of(error: &anyhow::Error) -> String {
        let lines: Vec<String> = lines_of(error).into_iter().map(|(_, line)| line).collect();
        lines.join("\n")
    }

    #[test]
    fn an_error_is_told_with_its_causes_and_hints() {
        let refused = std::io::Error::other("connection refused");
        let error = anyhow::Error::new(
            Failure::new(Exit::Failed, "cannot reach http://127.0.0.1:1")
                .hint("start one with: headwater serve")
                .because(refused),
        )
        .context("sending events.ndjson:3");
        assert_snapshot!(text_of(&error), @r"
        error: sending events.ndjson:3
          caused by: cannot reach http://127.0.0.1:1
          caused by: connection refused
          hint: start one with: headwater serve
        ");
        assert_eq!(exit_of(&error), Some(Exit::Failed));
    }

    #[test]
    fn the_exit_code_is_the_stated_one_at_any_depth() {
        let stated = Err::<(), _>(Failure::new(Exit::NotFound, "no such asset"))
            .context("asking")
            .expect_err("a failure");
        assert_eq!(exit_of(&stated), Some(Exit::NotFound));
        let context = Err::<(), _>(std::io::Error::other("no such file"))
            .with_context(|| Failure::new(Exit::Input, "cannot read f"))
            .expect_err("a failure");
        assert_eq!(exit_of(&context), Some(Exit::Input));
        assert_eq!(exit_of(&context.context("reading")), Some(Exit::Input));
        assert_eq!(exit_of(&anyhow::anyhow!("anything")), Some(Exit::Failed));
        assert_eq!(exit_of(&OutputClosed.into()), None);
    }
}
