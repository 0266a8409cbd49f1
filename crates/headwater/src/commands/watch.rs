//! `headwater watch`: what changes in the graph, as it is committed.

mod socket;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::cli::AskArgs;
use crate::client::Client;
use crate::failure::{Exit, Failure};
use crate::output::{self, Format, Tone};
use socket::{Heard, Socket};

/// Pauses before the service is called again, the last one again and again.
const PAUSES_MS: [u64; 5] = [250, 500, 1_000, 2_000, 5_000];

/// Tell what changes in the graph, as it changes, until interrupted
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater watch
  headwater watch --after 0 --format json
  headwater watch --domain orders --owner team-orders")]
pub(crate) struct WatchArgs {
    /// Tell what changed after that offset too; 0 is everything
    #[arg(long, value_name = "OFFSET")]
    after: Option<u64>,

    /// Only assets of that domain, and edges at them; may be given several times, as the others
    #[arg(long = "domain", value_name = "NAME")]
    domains: Vec<String>,

    /// Only assets of that data product
    #[arg(long = "product", value_name = "NAME")]
    products: Vec<String>,

    /// Only assets with that owner
    #[arg(long = "owner", value_name = "NAME")]
    owners: Vec<String>,

    /// Only assets with that tag
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,

    /// Only assets of that type
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,

    /// Only assets in that namespace
    #[arg(long = "namespace", value_name = "NAMESPACE")]
    namespaces: Vec<String>,

    /// Only assets with that in their name
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,

    #[command(flatten)]
    ask: AskArgs<Format>,
}

/// A part of what one offset changed, as the service tells it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChangeSet {
    offset: u64,
    index: u64,
    is_last: bool,
    changes: Vec<Change>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    asset: Option<Entity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edge: Option<Edge>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entity {
    id: String,
    reference: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Edge {
    kind: String,
    from_reference: String,
    to_reference: String,
}

const QUERY: &str = "subscription($after: Offset, $filter: AssetFilter) { changes(after: $after, filter: $filter) { \
    offset index isLast changes { kind asset { id reference } edge { kind fromReference toReference } runId check } } }";

/// Where a watch stands, so that nothing is told twice or left out.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Everything up to there was told.
    done: u64,
    /// The offset that is being told, and how many of its parts were.
    parts: (u64, u64),
}

impl Place {
    fn at(offset: u64) -> Self {
        Self {
            done: offset,
            parts: (offset, 0),
        }
    }

    /// True if that part was not told yet; then it counts as told.
    fn take(&mut self, set: &ChangeSet) -> bool {
        let told = if self.parts.0 == set.offset {
            self.parts.1
        } else {
            0
        };
        if set.offset <= self.done || set.index < told {
            return false;
        }
        self.parts = (set.offset, set.index + 1);
        if set.is_last {
            self.done = set.offset;
        }
        true
    }
}

/// Runs the command.
pub(crate) fn run(args: &WatchArgs) -> anyhow::Result<()> {
    let is_stopped = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&is_stopped))?;
    }
    let url = args.ask.server.url();
    let mut place = Place::at(match args.after {
        Some(offset) => offset,
        None => newest(&Client::new(url)?)?,
    });
    let mut calls = Calls {
        has_connected: args.after.is_none(),
        failed_count: 0,
    };
    while !is_stopped.load(Ordering::Relaxed) {
        let told = follow(args, &mut place, &is_stopped, &mut calls);
        match told {
            Ok(()) => return Ok(()),
            Err(Broken::ForGood(error)) => return Err(error),
            Err(Broken::ForNow(error)) if calls.has_connected => {
                let line = format!("warning: {error}; going on after offset {}", place.done);
                output::tell(Tone::Warning, &line);
            }
            Err(Broken::ForNow(error)) => {
                let failure = Failure::new(Exit::Failed, format!("cannot watch {url}"));
                return Err(failure.because(error).into());
            }
        }
        let pause_ms = PAUSES_MS[calls.failed_count.min(PAUSES_MS.len() - 1)];
        pause(pause_ms, &is_stopped);
        calls.failed_count += 1;
    }
    Ok(())
}

/// Waits, but no longer than until it is stopped.
fn pause(millis: u64, is_stopped: &AtomicBool) {
    const STEP_MS: u64 = 50;
    for _ in 0..millis.div_ceil(STEP_MS) {
        if is_stopped.load(Ordering::Relaxed) {
            return;
        }
        std::thread::sleep(Duration::from_millis(STEP_MS));
    }
}

/// The newest offset.
fn newest(client: &Client) -> Result<u64, Failure> {
    #[derive(Deserialize)]
    struct Snapshot {
        offset: u64,
    }
    let snapshot: Snapshot = client.ask("snapshot", "{ snapshot { offset } }", &json!({}))?;
    Ok(snapshot.offset)
}

/// Why a watch broke off.
enum Broken {
    /// It may go on when the service can be reached again.
    ForNow(anyhow::Error),
    /// Trying again would not help.
    ForGood(anyhow::Error),
}

/// How calling the service went.
struct Calls {
    /// It answered before: what breaks then is worth another call.
    has_connected: bool,
    /// How often it did not, since it last told something.
    failed_count: usize,
}

/// Tells what changes over one connection, until stopped.
fn follow(
    args: &WatchArgs,
    place: &mut Place,
    is_stopped: &AtomicBool,
    calls: &mut Calls,
) -> Result<(), Broken> {
    let variables = json!({"after": place.done, "filter": args.filter()});
    let request = json!({"query": QUERY, "variables": variables});
    let mut socket = Socket::connect(args.ask.server.url()).map_err(Broken::ForNow)?;
    socket.subscribe(&request).map_err(Broken::ForNow)?;
    calls.has_connected = true;
    while !is_stopped.load(Ordering::Relaxed) {
        match socket.hear().map_err(Broken::ForNow)? {
            Heard::Nothing => {}
            Heard::Next(set) => {
                calls.failed_count = 0;
                let set: ChangeSet =
                    serde_json::from_value(set).map_err(|error| Broken::ForGood(error.into()))?;
                if place.take(&set) {
                    show(&set, args.ask.format).map_err(Broken::ForGood)?;
                }
            }
            Heard::Refused { message, is_slow } => {
                let error = anyhow::anyhow!("{message}");
                if is_slow {
                    return Err(Broken::ForNow(error));
                }
                return Err(Broken::ForGood(Failure::new(Exit::Input, message).into()));
            }
        }
    }
    socket.close();
    Ok(())
}

impl WatchArgs {
    /// The filter as the service takes it; none if nothing is asked for.
    fn filter(&self) -> Option<Value> {
        let lists = [
            ("domains", &self.domains),
            ("dataProducts", &self.products),
            ("owners", &self.owners),
            ("tags", &self.tags),
            ("types", &self.types),
            ("namespaces", &self.namespaces),
        ];
        let mut filter = serde_json::Map::new();
        for (name, values) in lists.into_iter().filter(|(_, values)| !values.is_empty()) {
            filter.insert(name.to_owned(), json!(values));
        }
        if let Some(text) = &self.text {
            filter.insert("text".to_owned(), json!(text));
        }
        (!filter.is_empty()).then_some(Value::Object(filter))
    }
}

fn show(set: &ChangeSet, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => output::print(&format!("{}\n", serde_json::to_string(set)?)),
        Format::Table => output::print(&render(set)),
    }
}

/// A line for each change: the offset, what happened, and to what.
fn render(set: &ChangeSet) -> String {
    let line = |change: &Change| {
        let what = match (&change.asset, &change.edge) {
            (Some(asset), _) => match change.run_id.as_ref().or(change.check.as_ref()) {
                Some(failure) => format!("{} ({failure})", asset.reference),
                None => asset.reference.clone(),
            },
            (None, Some(edge)) => format!(
                "{} -> {} ({})",
                edge.from_reference,
                edge.to_reference,
                edge.kind.to_lowercase()
            ),
            (None, None) => String::new(),
        };
        let kind = change.kind.to_lowercase().replace('_', " ");
        let what = output::printable(&what);
        format!("{:>10}  {kind:<13}  {what}\n", set.offset)
    };
    set.changes.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn set(offset: u64, index: u64, is_last: bool) -> ChangeSet {
        ChangeSet {
            offset,
            index,
            is_last,
            changes: Vec::new(),
        }
    }

    #[test]
    fn what_was_told_before_a_break_is_not_told_again() {
        let mut place = Place::at(3);
        let mut take = |offset, index, is_last| place.take(&set(offset, index, is_last));
        assert!(!take(3, 0, true), "it was told before");
        assert!(take(5, 0, false) && take(5, 1, false));
        // The connection breaks, and the service begins the offset anew.
        assert!(!take(5, 0, false) && !take(5, 1, false));
        assert!(take(5, 2, true) && take(7, 0, true));
        assert_eq!(place.done, 7);
    }

    #[test]
    fn changes_are_a_line_each() {
        let entity = |reference: &str| Entity {
            id: "ds_1".into(),
            reference: reference.into(),
        };
        let changes = vec![
            Change {
                kind: "ASSET_RETIRED".into(),
                asset: Some(entity("db/a")),
                edge: None,
                run_id: None,
                check: None,
            },
            Change {
                kind: "RUN_FAILED".into(),
                asset: Some(entity("job:etl/load")),
                edge: None,
                run_id: Some("run-7".into()),
                check: None,
            },
            Change {
                kind: "EDGE_ADDED".into(),
                asset: None,
                edge: Some(Edge {
                    kind: "READS".into(),
                    from_reference: "db/b".into(),
                    to_reference: "job:etl/load".into(),
                }),
                run_id: None,
                check: None,
            },
        ];
        let set = ChangeSet {
            changes,
            ..set(12, 0, true)
        };
        assert_snapshot!(render(&set), @r"
                12  asset retired  db/a
                12  run failed     job:etl/load (run-7)
                12  edge added     db/b -> job:etl/load (reads)
        ");
    }
}
