//! Every backend against the same rules, and the disk at its worst.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backup;
mod compat;
mod damage;
mod kill;
mod log_conformance;
mod opening;
mod power;
mod read_only;
mod repair;
mod rewrite;
mod state_conformance;

use std::path::Path;

use headwater_store::{Entry, Log, Offset, Payload, SledOptions, SledState, StateError};
use parking_lot::Mutex;

/// Held while a process starts, and while a state is opened: between fork and exec a new process shares
/// sled's lock file, and with it the lock of a state that is already closed.
static STARTING: Mutex<()> = Mutex::new(());

fn open_state(directory: &Path, options: SledOptions) -> Result<SledState, StateError> {
    let _held = STARTING.lock();
    SledState::open(directory, options)
}

fn payload(text: &str) -> Payload {
    Payload {
        version: 1,
        bytes: text.as_bytes().to_vec(),
    }
}

fn offset(number: u64) -> Offset {
    Offset::new(number).expect("tests use small offsets")
}

/// All entries, in pages of a few, with the offsets checked to be 1, 2, 3, …
fn read_all(log: &dyn Log) -> Vec<Payload> {
    let mut payloads = Vec::new();
    loop {
        let after = offset(payloads.len() as u64);
        let entries = log.read_after(after, 7, 1 << 16).expect("reads");
        if entries.is_empty() {
            return payloads;
        }
        for Entry { offset, payload } in entries {
            payloads.push(payload);
            assert_eq!(offset.get(), payloads.len() as u64);
        }
    }
}

/// Bytes that do not compress, decided by `seed`.
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}
