//! Measures the log and the state on the disk of this machine.
//!
//! `store_bench [DIRECTORY] [KEYS] [log|state]`: DIRECTORY (default `target/store-bench`) is created and removed again; KEYS
//! (default 1,000,000) is how many keys the opening of sled is measured with; the last word leaves out the other half.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use headwater_store::{
    Log, LogError, Offset, Payload, SegmentLog, SegmentOptions, SledOptions, SledState, State,
    StateBatch, StateError,
};

const PAYLOAD_BYTES: usize = 4096;
/// Tells this program to write the state and wait to be killed.
const VICTIM: &str = "HEADWATER_STORE_BENCH_VICTIM";

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments
        .next()
        .unwrap_or_else(|| "target/store-bench".to_owned());
    let keys_count = arguments
        .next()
        .map_or(Ok(1_000_000), |count| count.parse())?;
    let directory = Path::new(&directory);
    if std::env::var_os(VICTIM).is_some() {
        let state = fill(&directory.join("state"), keys_count)?;
        println!("filled to {}", state.applied_offset()?);
        loop {
            std::thread::park();
        }
    }
    std::fs::create_dir_all(directory)?;
    let half = arguments.next();
    if half.as_deref() != Some("state") {
        bench_append(directory)?;
        bench_log_open(directory)?;
    }
    if half.as_deref() != Some("log") {
        bench_batch();
        bench_state_open(directory, keys_count)?;
        bench_state(directory)?;
    }
    std::fs::remove_dir_all(directory)?;
    Ok(())
}

type BoxedPair = (Box<[u8]>, Box<[u8]>);

/// A payload of which a quarter is new.
fn event(number: u64) -> Payload {
    let mut bytes = Vec::with_capacity(PAYLOAD_BYTES + 64);
    let mut state = key(number)[0..8]
        .iter()
        .fold(number, |state, byte| state << 8 ^ u64::from(*byte));
    while bytes.len() < PAYLOAD_BYTES {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mixed = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bytes.extend_from_slice(format!("\"name\": \"{mixed:016x}\", ").as_bytes());
    }
    bytes.truncate(PAYLOAD_BYTES);
    Payload { version: 1, bytes }
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() - 1) * percent / 100]
}

fn bench_append(directory: &Path) -> Outcome<()> {
    println!("append, {PAYLOAD_BYTES} B payloads, one fdatasync a batch");
    for (batch_entries, rounds) in [(1, 1000), (8, 1000), (64, 400), (1024, 60)] {
        let path = directory.join(format!("log-{batch_entries}"));
        let (log, _) = SegmentLog::open(&path, SegmentOptions::default())?;
        let batch: Vec<_> = (1..=batch_entries).map(event).collect();
        let mut times = Vec::new();
        for _ in 0..rounds {
            let start = Instant::now();
            log.append(&batch)?;
            times.push(start.elapsed());
        }
        let total: Duration = times.iter().sum();
        times.sort_unstable();
        println!(
            "  {batch_entries:>5}: median {:>9.1?}  p99 {:>9.1?}  {:>9.0} entries/s  {:.2} stored",
            percentile(&times, 50),
            percentile(&times, 99),
            (batch_entries * rounds) as f64 / total.as_secs_f64(),
            log.bytes_on_disk() as f64 / (batch_entries * rounds * PAYLOAD_BYTES as u64) as f64,
        );
    }
    Ok(())
}

/// 1 GB of log: opening, reading and verifying it.
fn bench_log_open(directory: &Path) -> Outcome<()> {
    let path = directory.join("log-open");
    let (log, _) = SegmentLog::open(&path, SegmentOptions::default())?;
    let mut number = 0;
    while log.bytes_on_disk() < 1 << 30 {
        let batch: Vec<_> = (number..number + 64).map(event).collect();
        log.append(&batch)?;
        number += 64;
    }
    drop(log);
    let start = Instant::now();
    let (log, report) = SegmentLog::open(&path, SegmentOptions::default())?;
    println!(
        "log of {} MB, {} entries, {} segments: opened in {:.1?}",
        report.bytes_on_disk >> 20,
        report.last_offset,
        report.segments_count,
        start.elapsed()
    );
    let (start, start_cpu) = (Instant::now(), cpu());
    let entries_count = read_all(&log)?;
    println!(
        "  {entries_count} entries read in {:.1?}, CPU {:.1?}",
        start.elapsed(),
        cpu().saturating_sub(start_cpu)
    );
    let (start, start_cpu) = (Instant::now(), cpu());
    log.verify()?;
    println!(
        "  verified in {:.1?}, CPU {:.1?}",
        start.elapsed(),
        cpu().saturating_sub(start_cpu)
    );
    let start = Instant::now();
    for number in 0..1000 {
        let after = Offset::new(number * 7919 % report.last_offset.get())?;
        log.read_after(after, 1, 1)?;
    }
    println!(
        "  one entry at a random place in {:.1?}",
        start.elapsed() / 1000
    );
    drop(log);
    std::fs::remove_dir_all(&path)?;
    Ok(())
}

fn read_all(log: &SegmentLog) -> Result<u64, LogError> {
    let mut after = Offset::ZERO;
    loop {
        match log.read_after(after, 10_000, 8 << 20)?.last() {
            Some(entry) => after = entry.offset,
            None => return Ok(after.get()),
        }
    }
}

fn key(number: u64) -> [u8; 16] {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut key = [0; 16];
    key[..8].copy_from_slice(&mixed.to_be_bytes());
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

/// One buffer against a boxed key and value for each change.
fn bench_batch() {
    let rounds = 1000;
    let start = Instant::now();
    let mut batch = StateBatch::new();
    let mut bytes = 0;
    for _ in 0..rounds {
        batch.clear();
        for number in 0..1000 {
            batch.put(&key(number), &[7; 40]);
        }
        bytes += batch.iter().map(|(key, _)| key.len()).sum::<usize>();
    }
    let arena = start.elapsed() / (rounds * 1000);
    let start = Instant::now();
    for _ in 0..rounds {
        let mut boxed: Vec<BoxedPair> = Vec::new();
        for number in 0..1000 {
            boxed.push((Box::new(key(number)), Box::new([7; 40])));
        }
        bytes += boxed.iter().map(|(key, _)| key.len()).sum::<usize>();
    }
    let boxes = start.elapsed() / (rounds * 1000);
    println!("batch building, a change: one buffer {arena:?}, boxes {boxes:?} ({bytes} key bytes)");
}

/// Four puts and eight gets an event, 256 events a batch, on half a million keys.
fn bench_state(directory: &Path) -> Outcome<()> {
    let path = directory.join("state-cost");
    let keys_count = 500_000;
    let state = fill(&path, keys_count)?;
    let (events, batches) = (256, 100);
    let (mut apply, mut get) = (Duration::ZERO, Duration::ZERO);
    let mut batch = StateBatch::new();
    let mut found = 0;
    for round in 0..batches {
        let start = cpu();
        for number in 0..events * 8 {
            let at = (round * 7919 + number * 104_729) % keys_count;
            found += u64::from(state.get(&key(at))?.is_some());
        }
        get += cpu().saturating_sub(start);
        let start = cpu();
        batch.clear();
        for number in 0..events * 4 {
            let at = (round * 7907 + number * 104_723) % keys_count;
            batch.put(&key(at), &[round as u8; 40]);
        }
        state.apply(&batch, Offset::new(keys_count + round)?)?;
        apply += cpu().saturating_sub(start);
    }
    let per = |time: Duration, count: u64| time.as_secs_f64() * 1e6 / count as f64;
    println!(
        "sled, {keys_count} keys, CPU: put {:.2} µs, get {:.2} µs, so {:.1} µs an event of 4 puts and 8 gets ({found} found)",
        per(apply, batches * events * 4),
        per(get, batches * events * 8),
        per(apply + get, batches * events),
    );
    let start = Instant::now();
    let scanned = state.scan_prefix(b"").count();
    println!("  {scanned} pairs scanned in {:.1?}", start.elapsed());
    drop(state);
    SledState::remove(&path)?;
    Ok(())
}

fn fill(path: &Path, keys_count: u64) -> Result<SledState, StateError> {
    let state = SledState::open(path, SledOptions::default())?;
    let mut batch = StateBatch::new();
    for start in (0..keys_count).step_by(1000) {
        batch.clear();
        for number in start..keys_count.min(start + 1000) {
            batch.put(&key(number), &number.to_be_bytes());
        }
        let applied = Offset::new(start / 1000 + 1)
            .map_err(|error| StateError::Corrupt(format!("the bench counts too far: {error}")))?;
        state.apply(&batch, applied)?;
        if start > 0 && start % 250_000 == 0 {
            eprintln!("    {start} keys, memory {}", memory());
        }
    }
    Ok(state)
}

fn bench_state_open(directory: &Path, keys_count: u64) -> Outcome<()> {
    let path = directory.join("state");
    println!("sled with {keys_count} keys of 16 B, values of 8 B");
    let start = Instant::now();
    let state = fill(&path, keys_count)?;
    println!("  filled in {:.1?}", start.elapsed());
    let start = Instant::now();
    drop(state);
    println!("  closed in {:.1?}, memory {}", start.elapsed(), memory());
    time_open(&path, "after a clean close")?;
    SledState::remove(&path)?;

    let mut victim = Command::new(std::env::current_exe()?)
        .arg(directory)
        .arg(keys_count.to_string())
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    let out = victim.stdout.take().ok_or("the victim has no output")?;
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line)?;
    victim.kill()?;
    victim.wait()?;
    print!("  killed: {line}");
    time_open(&path, "after kill -9")
}

fn time_open(path: &Path, when: &str) -> Outcome<()> {
    let start = Instant::now();
    let state = SledState::open(path, SledOptions::default())?;
    println!(
        "  opened {when} in {:.1?}: offset {}, {} MB on disk, memory {}",
        start.elapsed(),
        state.applied_offset()?,
        state.bytes_on_disk()? >> 20,
        memory(),
    );
    Ok(())
}

/// CPU time of this thread so far, as Linux tells it: what is left on a busy machine.
fn cpu() -> Duration {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = schedule
        .split(' ')
        .next()
        .and_then(|time| time.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

/// Resident memory of this process, as Linux tells it.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.map_or("unknown".to_owned(), |line| line.trim().to_owned())
}
