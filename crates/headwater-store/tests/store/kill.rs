//! `kill -9` under load: nothing acknowledged is lost, and nothing is torn.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use headwater_store::{Log, Payload, SegmentLog, SegmentOptions, SledOptions, State, StateBatch};

use super::{STARTING, noise, offset, open_state};

/// Tells a test that it is the process to be killed, and where to write.
const VICTIM: &str = "HEADWATER_STORE_TEST_VICTIM";
const KILLS_COUNT: u64 = 5;

const LOG_OPTIONS: SegmentOptions = SegmentOptions {
    segment_bytes: 1 << 20,
    frame_bytes_max: 16 << 20,
    reserve_bytes: 0,
};

/// Runs `test` of this binary as another process.
fn start(test: &str, directory: &Path) -> Child {
    let _held = STARTING.lock();
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(VICTIM, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills `child` once it has acknowledged `count` times, and returns the last acknowledged number.
fn kill_after(mut child: Child, count: u64) -> u64 {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = 0;
    let mut seen = 0;
    let number = |line: String| line.strip_prefix("acknowledged ")?.parse::<u64>().ok();
    while seen < count {
        let line = lines.next().expect("the victim writes until it is killed");
        if let Some(number) = number(line.unwrap()) {
            acknowledged = number;
            seen += 1;
        }
    }
    child.kill().unwrap();
    // What it acknowledged between the last line read and its end is still in the pipe.
    for line in lines.map_while(Result::ok) {
        acknowledged = number(line).unwrap_or(acknowledged);
    }
    assert!(!child.wait().unwrap().success());
    acknowledged
}

fn acknowledge(number: u64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "acknowledged {number}").unwrap();
    out.flush().unwrap();
}

/// The batch that begins at `first`: of one to nine payloads, each of which names its batch.
fn log_batch(first: u64) -> Vec<Payload> {
    let count = 1 + first * 7 % 9;
    (0..count)
        .map(|number| {
            let mut bytes = format!("{first} {number} {count} ").into_bytes();
            bytes.extend(noise(first + number, (first * 131 % 6000) as usize));
            Payload { version: 1, bytes }
        })
        .collect()
}

fn append_for_ever(directory: &str) -> ! {
    let (log, _) = SegmentLog::open(Path::new(directory), LOG_OPTIONS).unwrap();
    loop {
        let appended = log.append(&log_batch(log.last_offset().get() + 1)).unwrap();
        acknowledge(appended.last.get());
    }
}

#[test]
fn a_killed_log_keeps_every_acknowledged_batch_whole_and_in_order() {
    if let Ok(directory) = std::env::var(VICTIM) {
        append_for_ever(&directory);
    }
    let directory = tempfile::tempdir().unwrap();
    let test = "kill::a_killed_log_keeps_every_acknowledged_batch_whole_and_in_order";
    for round in 0..KILLS_COUNT {
        let acknowledged = kill_after(start(test, directory.path()), 20 + round * 23);
        let (log, _) = SegmentLog::open(directory.path(), LOG_OPTIONS).unwrap();
        let last = log.last_offset().get();
        assert!(last >= acknowledged, "{last} of {acknowledged} are left");
        let mut first = 1;
        while first <= last {
            let batch = log_batch(first);
            let entries = log
                .read_after(offset(first - 1), batch.len() as u32, u64::MAX)
                .unwrap();
            let payloads: Vec<_> = entries.into_iter().map(|entry| entry.payload).collect();
            assert_eq!(payloads, batch, "the batch at {first}");
            first += batch.len() as u64;
        }
        assert_eq!(first, last + 1, "the last batch is whole");
        log.verify().unwrap();
    }
}

fn apply_for_ever(directory: &str) -> ! {
    let state = open_state(Path::new(directory), SledOptions::default()).unwrap();
    let mut number = state.applied_offset().unwrap().get();
    loop {
        number += 1;
        let mut batch = StateBatch::new();
        for part in 0..20_u64 {
            let key = [part.to_be_bytes(), number.to_be_bytes()].concat();
            batch.put(&key, &number.to_be_bytes());
            batch.put(
                &[&b"latest"[..], &part.to_be_bytes()].concat(),
                &number.to_be_bytes(),
            );
        }
        state.apply(&batch, offset(number)).unwrap();
        acknowledge(number);
    }
}

/// The state may fall back, to a batch's end and nowhere else.
#[test]
fn a_killed_state_is_whole_at_the_offset_it_states() {
    if let Ok(directory) = std::env::var(VICTIM) {
        apply_for_ever(&directory);
    }
    let directory = tempfile::tempdir().unwrap();
    let test = "kill::a_killed_state_is_whole_at_the_offset_it_states";
    for round in 0..KILLS_COUNT {
        kill_after(start(test, directory.path()), 200 + round * 400);
        let state = open_state(directory.path(), SledOptions::default()).unwrap();
        let applied = state.applied_offset().unwrap().get();
        let mut pairs_count = 0;
        for pair in state.scan_prefix(b"") {
            let (key, value) = pair.unwrap();
            let number = u64::from_be_bytes((*value).try_into().unwrap());
            assert!(
                number <= applied,
                "{key:?} is from {number}, after {applied}"
            );
            if key.starts_with(b"latest") {
                assert_eq!(number, applied, "{key:?}");
            }
            pairs_count += 1;
        }
        assert_eq!(
            pairs_count,
            if applied == 0 { 0 } else { applied * 20 + 20 }
        );
    }
}
