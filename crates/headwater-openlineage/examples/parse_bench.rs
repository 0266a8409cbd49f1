//! How long one event takes: parses every captured body many times over and prints the mean.
//!
//! `cargo run --release -p headwater-openlineage --example parse_bench`
#![allow(clippy::unwrap_used, reason = "without its input it measures nothing")]

use std::hint::black_box;
use std::time::Instant;

#[path = "../tests/openlineage/captured.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod captured;

const ROUNDS: u32 = 200;

fn main() {
    let Some(data) = captured::data() else {
        println!("no captured events: set HEADWATER_DATA");
        return;
    };
    let bodies = captured::captured(&data);
    let bytes: usize = bodies.iter().map(|body| body.bytes.len()).sum();
    let mut best = f64::INFINITY;
    let mut facts_count = 0;
    for _ in 0..ROUNDS {
        facts_count = 0;
        let start = Instant::now();
        for body in &bodies {
            let event = headwater_openlineage::parse_event(black_box(&body.bytes));
            facts_count += event.map_or(0, |event| event.facts.count());
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    let count = bodies.len() as f64;
    println!(
        "{} events, {:.0} bytes and {:.1} facts each: {:.2} us per event, {:.0} MB/s (best of {ROUNDS} rounds)",
        bodies.len(),
        bytes as f64 / count,
        facts_count as f64 / count,
        best * 1e6 / count,
        bytes as f64 / best / 1e6,
    );
}
