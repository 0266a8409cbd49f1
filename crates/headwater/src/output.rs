//! What people and scripts see: answers on standard output, everything else on standard error.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;
use comfy_table::{Attribute, Cell, ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::failure::OutputClosed;

/// How to print an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a person.
    Table,
    /// For a program.
    Json,
}

/// How to print an answer that is a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For a person.
    Table,
    /// For a program.
    Json,
    /// For a spreadsheet: RFC 4180, with a header.
    Csv,
}

/// How to print an answer that is a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// For a person.
    Table,
    /// For a program.
    Json,
    /// For a picture in Markdown: a flowchart of Mermaid.
    Mermaid,
    /// For a picture by Graphviz.
    Dot,
    /// For a spreadsheet: RFC 4180, with a header.
    Csv,
}

/// How a line on standard error is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Something is wrong.
    Error,
    /// Something deserves a look.
    Warning,
    /// Advice.
    Hint,
    /// Nothing special.
    Plain,
}

impl Tone {
    /// The select-graphic-rendition code of ECMA-48.
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Error => Some("1;31"),
            Self::Warning => Some("1;33"),
            Self::Hint => Some("36"),
            Self::Plain => None,
        }
    }
}

/// Whether a terminal's reader wants colours, see <https://no-color.org>.
fn wants_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes one line to standard error, coloured up to the first colon on a terminal.
pub(crate) fn tell(tone: Tone, line: &str) {
    let mut stderr = io::stderr().lock();
    let code = tone
        .code()
        .filter(|_| stderr.is_terminal() && wants_colour());
    // Nobody is left to tell that standard error is closed.
    let _ = match (code, line.split_once(':')) {
        (Some(code), Some((head, rest))) => writeln!(stderr, "\x1b[{code}m{head}:\x1b[0m{rest}"),
        _ => writeln!(stderr, "{line}"),
    };
}

/// Writes `text` to standard output.
///
/// # Errors
/// [`OutputClosed`] if nobody reads any more, else what the system says.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(OutputClosed.into()),
        other => other.context("cannot write to standard output"),
    }
}

/// Writes `value` to standard output: indented on a terminal, else in one line.
///
/// # Errors
/// As [`print`].
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = if is_stdout_terminal() {
        serde_json::to_string_pretty(value)
    } else {
        serde_json::to_string(value)
    };
    print(&(text.context("cannot write the answer as JSON")? + "\n"))
}

/// Whether a person reads standard output.
pub(crate) fn is_stdout_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Lays `rows` out in columns, never wrapped, so that references stay whole.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header.map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
    if !wants_colour() {
        table.force_no_tty();
    }
    for row in rows {
        table.add_row(row.map(|text| printable(&text)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: String = table
        .lines()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect();
    lines
}

/// Writes `rows` as comma-separated values, see RFC 4180; names stand as they are, in quotes where needed.
///
/// # Errors
/// None that a text in memory has; the type is that of [`csv::Writer`].
pub(crate) fn csv<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header)?;
    for row in rows {
        writer.write_record(&row)?;
    }
    let bytes = writer.into_inner().context("cannot write the answer")?;
    String::from_utf8(bytes).context("cannot write the answer")
}

/// `text` without characters that would move the cursor or end the line.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// `1 asset`, `2 assets`.
pub(crate) fn count(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// A bar for work whose size is known; on standard error, and only on a terminal.
pub(crate) fn progress_bar(length: u64, message: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    bar.with_message(message)
}

/// A bar for bytes of which the number is known; on standard error, and only on a terminal.
pub(crate) fn bytes_bar(length: u64, message: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    let template = "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message(message)
}

/// A sign of life for work whose size is not known; on standard error, and only on a terminal.
pub(crate) fn spinner(message: String) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    if io::stderr().is_terminal() {
        bar.enable_steady_tick(Duration::from_millis(100));
    }
    bar.with_message(message)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn columns_line_up_and_no_cell_breaks_the_line() {
        let rows = [["1", "a\nb"], ["10", "wide reference/with.dots"]];
        let rows = rows.map(|row| row.map(str::to_owned));
        assert_snapshot!(table(["hops", "reference"], rows), @r"
        hops  reference
        1     a b
        10    wide reference/with.dots
        ");
    }

    #[test]
    fn a_name_with_commas_quotes_and_lines_is_one_value() {
        let rows = [["a,b \"c\"", "x\ny"], ["größe", ""]].map(|row| row.map(str::to_owned));
        assert_snapshot!(csv(["name", "other"], rows).expect("text"), @r#"
        name,other
        "a,b ""c""","x
        y"
        größe,
        "#);
    }
}
