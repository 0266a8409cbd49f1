//! How many tests passed and failed, read from what the test runners print.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};

use crate::cargo;

/// Tests that ran, over all runners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// Runs a test runner, shows what it prints and adds up its summary lines.
    pub(crate) fn run(&mut self, command: &mut Command) -> Result<()> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if std::io::stderr().is_terminal() {
            // A runner that writes into a pipe would otherwise not colour what a person is reading.
            command.env("CARGO_TERM_COLOR", "always");
        }
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start `{}`", cargo::shown(command)))?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let stderr = child.stderr.take().context("stderr is piped")?;
        let stderr = thread::spawn(move || pass_on(stderr, std::io::stderr()));
        self.add(pass_on(stdout, std::io::stdout())?);
        let of_stderr = stderr.join().expect("passing lines on does not panic")?;
        self.add(of_stderr);
        let status = child.wait()?;
        if !status.success() {
            bail!("`{}` failed ({status})", cargo::shown(command));
        }
        Ok(())
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Reads a summary line of nextest or of the standard harness; any other line counts nothing.
    fn of_line(line: &str) -> Self {
        let line = without_colour(line);
        let text = line.trim();
        let is_summary = (text.starts_with("Summary [") && text.contains(" run:"))
            || text.starts_with("test result: ");
        if !is_summary {
            return Self::default();
        }
        let words: Vec<&str> = text
            .split(|c: char| c.is_whitespace() || ",;".contains(c))
            .filter(|word| !word.is_empty())
            .collect();
        let count = |name: &[&str]| -> u64 {
            words
                .windows(2)
                .filter(|pair| name.contains(&pair[1]))
                .filter_map(|pair| pair[0].parse::<u64>().ok())
                .sum()
        };
        Self {
            passed: count(&["passed"]),
            // Nextest counts apart what ran out of time or could not be started.
            failed: count(&["failed", "timed", "exec"]),
        }
    }
}

/// Copies `from` to `to` line by line and adds up the summary lines in it.
fn pass_on(from: impl Read, mut to: impl Write) -> Result<Tally> {
    let mut from = BufReader::new(from);
    let mut tally = Tally::default();
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        to.flush()?;
        tally.add(Tally::of_line(&String::from_utf8_lossy(&line)));
        line.clear();
    }
    Ok(tally)
}

/// Leaves out terminal colours: from an escape to the letter that ends its sequence.
fn without_colour(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            for c in chars.by_ref() {
                if c.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, passed: u64, failed: u64) {
        assert_eq!(Tally::of_line(line), Tally { passed, failed }, "{line}");
    }

    #[test]
    fn summary_lines_of_nextest_are_read() {
        check(
            "     Summary [   0.016s] 33 tests run: 33 passed, 2 skipped",
            33,
            0,
        );
        check(
            "     Summary [   1.2s] 10/12 tests run: 6 passed (1 slow), 2 failed, 1 timed out, 1 exec failed, 0 skipped",
            6,
            4,
        );
    }

    #[test]
    fn summary_lines_of_the_standard_harness_are_read() {
        check(
            "test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.01s",
            3,
            1,
        );
    }

    #[test]
    fn colours_do_not_matter() {
        check(
            "\u{1b}[32;1m     Summary\u{1b}[0m [   0.01s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m2\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, 0 skipped",
            2,
            0,
        );
    }

    #[test]
    fn other_lines_count_nothing() {
        check(
            "        PASS [   0.004s] xtask cargo::tests::3 passed",
            0,
            0,
        );
        check("3 passed, 1 failed", 0, 0);
    }

    #[test]
    fn what_a_runner_prints_is_passed_on_unchanged() {
        let mut shown = Vec::new();
        let printed = b"one\ntest result: ok. 1 passed; 0 failed;\nlast" as &[u8];
        let tally = pass_on(printed, &mut shown).unwrap();
        assert_eq!(shown, printed);
        assert_eq!(
            tally,
            Tally {
                passed: 1,
                failed: 0
            }
        );
    }
}
