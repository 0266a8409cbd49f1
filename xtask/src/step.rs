//! One line for each step, and how long it took.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Runs `work`, announcing it and how long it took. An error names the step.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("==> {name}");
    let start = Instant::now();
    let outcome = work();
    let verdict = if outcome.is_ok() { "done" } else { "FAILED" };
    println!("    {name}: {verdict} in {}", shown(start.elapsed()));
    outcome.with_context(|| format!("{name} failed"))
}

/// Says that a step did not run, and why.
pub(crate) fn skip(name: &str, reason: &str) {
    println!("==> {name}: skipped, {reason}");
}

/// A duration for people: `0.4 s`, `2 min 05 s`.
pub(crate) fn shown(duration: Duration) -> String {
    if duration < Duration::from_mins(1) {
        return format!("{:.1} s", duration.as_secs_f64());
    }
    let seconds = duration.as_secs();
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(shown(Duration::from_millis(420)), "0.4 s");
        assert_eq!(shown(Duration::from_secs(125)), "2 min 05 s");
    }

    #[test]
    fn an_error_names_its_step() {
        let outcome: Result<()> = step("format", || anyhow::bail!("one file differs"));
        assert_eq!(
            format!("{:#}", outcome.unwrap_err()),
            "format failed: one file differs"
        );
    }
}
