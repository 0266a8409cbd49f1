//! `headwater send`: OpenLineage events from files.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use headwater_model::SourceKey;
use serde::Serialize;

use crate::cli::ServerArgs;
use crate::client::{Client, Reply, blames_input, is_worth_repeating};
use crate::failure::{Exit, Failure};
use crate::output::{self, Format, Tone, count};

/// The longest line that is read.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// Send OpenLineage events from files, one event a line, in order
///
/// A refused event is named and left out; the exit code is 3 then. An event that the service knows already is
/// accepted and changes nothing, so a file may be sent again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater send events.ndjson
  headwater send --source orders/airflow --stop-on-error monday.ndjson tuesday.ndjson
  zcat events.ndjson.gz | headwater send -")]
pub(crate) struct SendArgs {
    #[command(flatten)]
    server: ServerArgs,

    /// Whose events these are; else the service decides by job namespace
    #[arg(long, value_name = "D/S", value_parser = |text: &str| SourceKey::parse(text))]
    source: Option<SourceKey>,

    /// Stop at the first refused event
    #[arg(long)]
    stop_on_error: bool,

    /// How to print the counts
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Files of events; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// What became of the events.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    accepted_count: u64,
    refused_count: u64,
    /// Where the last accepted event is visible, if the service said.
    offset: Option<u64>,
}

/// Runs the command.
pub(crate) fn run(args: &SendArgs) -> anyhow::Result<()> {
    let client = Client::new(args.server.url())?;
    let source = args.source.as_ref().map(ToString::to_string);
    let headers: Vec<(&str, &str)> = source
        .iter()
        .map(|source| ("Headwater-Source", source.as_str()))
        .collect();
    let mut counts = Counts::default();
    let sent = send_all(args, &mut counts, |event| {
        client.post_repeatable("/api/v1/lineage", &headers, event)
    });
    match args.format {
        Format::Json => output::print_json(&counts)?,
        Format::Table => output::print(&render(&counts))?,
    }
    sent?;
    match counts.refused_count {
        0 => Ok(()),
        refused => {
            Err(Failure::new(Exit::Input, format!("{} refused", count(refused, "event"))).into())
        }
    }
}

fn send_all(
    args: &SendArgs,
    counts: &mut Counts,
    mut post: impl FnMut(&[u8]) -> Result<Reply, Failure>,
) -> anyhow::Result<()> {
    for path in &args.files {
        let shown = shown(path);
        let failed = || Failure::new(Exit::Input, format!("cannot read {shown}"));
        let (reader, length): (Box<dyn BufRead>, u64) = if is_stdin(path) {
            (Box::new(BufReader::new(io::stdin())), 0)
        } else {
            let file = File::open(path).with_context(failed)?;
            let length = file.metadata().with_context(failed)?.len();
            (Box::new(BufReader::new(file)), length)
        };
        let bar = output::progress_bar(length, "sending");
        let sent = send_lines(
            &shown,
            reader,
            args.stop_on_error,
            counts,
            |event| {
                bar.inc(event.len() as u64 + 1);
                post(event)
            },
            |line| bar.suspend(|| output::tell(Tone::Error, line)),
        );
        bar.finish_and_clear();
        sent?;
    }
    Ok(())
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn shown(path: &Path) -> String {
    if is_stdin(path) {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Sends the events of `reader` in order; `tell` gets a line for each refused one.
///
/// # Errors
/// A [`Failure`] with file and line: if the input can't be read, the service can't be reached or fails, or an event
/// is refused and `stop_on_error`.
fn send_lines(
    shown: &str,
    mut reader: impl BufRead,
    stop_on_error: bool,
    counts: &mut Counts,
    mut post: impl FnMut(&[u8]) -> Result<Reply, Failure>,
    mut tell: impl FnMut(&str),
) -> anyhow::Result<()> {
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let place = || format!("{shown}:{number}");
        let length = (&mut reader)
            .take(LINE_BYTES_MAX + 1)
            .read_until(b'\n', &mut line)
            .with_context(|| Failure::new(Exit::Input, format!("cannot read {}", place())))?;
        if length == 0 {
            break;
        }
        if length as u64 > LINE_BYTES_MAX {
            let message = format!(
                "{}: the line is longer than {LINE_BYTES_MAX} bytes",
                place()
            );
            return Err(Failure::new(Exit::Input, message).into());
        }
        let event = line.trim_ascii();
        if event.is_empty() {
            continue;
        }
        let reply = post(event).with_context(|| format!("sending {}", place()))?;
        if reply.is_success() {
            counts.accepted_count += 1;
            counts.offset = reply.offset.or(counts.offset);
            continue;
        }
        let text = format!(
            "{} was refused ({}): {}",
            place(),
            reply.status,
            reply.error().text()
        );
        if !blames_input(reply.status) {
            let failure = Failure::new(Exit::Failed, text);
            return Err(if is_worth_repeating(reply.status) {
                failure
                    .hint("the service is busy; send the file again later, what is in stays in")
                    .into()
            } else {
                failure.into()
            });
        }
        counts.refused_count += 1;
        if stop_on_error {
            return Err(Failure::new(Exit::Input, text).into());
        }
        tell(&format!("error: {text}"));
    }
    Ok(())
}

fn render(counts: &Counts) -> String {
    let accepted = count(counts.accepted_count, "event");
    let offset = counts.offset.map_or_else(String::new, |offset| {
        format!(", the last at offset {offset}")
    });
    format!(
        "{accepted} accepted{offset}; {} refused\n",
        counts.refused_count
    )
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    /// Accepts `{}`, refuses `[]`, is busy at `1`, has no route for `2`, and is gone at `3`.
    fn answer(event: &[u8]) -> Result<Reply, Failure> {
        let (status, body) = match event {
            b"{}" => (201, ""),
            b"[]" => (
                400,
                r#"{"error": {"code": "INVALID_INPUT", "message": "is empty", "pointer": "/job"}}"#,
            ),
            b"1" => (503, ""),
            b"3" => return Err(Failure::new(Exit::Failed, "cannot reach it")),
            _ => (404, ""),
        };
        Ok(Reply {
            status,
            offset: (status == 201).then_some(7),
            body: body.as_bytes().to_vec(),
            ..Reply::default()
        })
    }

    fn send(input: &str, stop_on_error: bool) -> (String, Option<Exit>, Counts) {
        let mut counts = Counts::default();
        let mut told = Vec::new();
        let sent = send_lines(
            "f",
            input.as_bytes(),
            stop_on_error,
            &mut counts,
            answer,
            |line| {
                told.push(line.to_owned());
            },
        );
        let exit = sent.as_ref().err().and_then(crate::failure::exit_of);
        told.extend(sent.err().map(|error| error.to_string()));
        (told.join("\n"), exit, counts)
    }

    #[test]
    fn a_refused_event_is_named_by_its_line_and_the_rest_goes_on() {
        let (told, exit, counts) = send("{}\n\n  []\r\n{}", false);
        assert_snapshot!(told, @"error: f:3 was refused (400): /job: is empty");
        assert_eq!(exit, None);
        assert_snapshot!(render(&counts), @"2 events accepted, the last at offset 7; 1 refused");
    }

    #[test]
    fn the_first_refused_event_stops_where_asked_to() {
        let (told, exit, counts) = send("[]\n{}", true);
        assert_snapshot!(told, @"f:1 was refused (400): /job: is empty");
        assert_eq!((exit, counts.accepted_count), (Some(Exit::Input), 0));
    }

    #[test]
    fn a_service_that_fails_stops_everything() {
        let (told, exit, counts) = send("{}\n1\n{}", false);
        assert_snapshot!(told, @"f:2 was refused (503): no explanation");
        assert_eq!((exit, counts.accepted_count), (Some(Exit::Failed), 1));
        assert_eq!(send("3", false).0, "sending f:1");
        assert_eq!(
            send("2", false).1,
            Some(Exit::Failed),
            "nothing else would get in either"
        );
    }
}
