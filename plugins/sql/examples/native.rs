//! How long this extractor takes for a script when it is compiled natively: what it takes in the sandbox is measured
//! against that.
//!
//! `cargo run --release -p sql --example native -- FILE [CONFIG]` reads FILE five times into a sink that only counts;
//! CONFIG is JSON, as `{"dialect": "postgres"}`.

use std::time::Instant;
use std::{env, fs};

use headwater_extractor::{
    Batch, Diagnostic, EmitError, Emitter, Extractor as _, Input, Sink, golden::MemoryArtifact,
};
use sql::Sql;

/// Counts what arrives.
#[derive(Default)]
struct Counter {
    edges: usize,
    field_edges: usize,
}

impl Sink for Counter {
    fn emit(&mut self, batch: &Batch) -> Result<(), EmitError> {
        self.edges += batch.edges.len();
        self.field_edges += batch.field_edges.len();
        Ok(())
    }

    fn diagnose(&mut self, _: &[Diagnostic]) -> Result<(), EmitError> {
        Ok(())
    }
}

fn main() {
    let mut words = env::args().skip(1);
    let path = words.next().expect("FILE is named");
    let config = words.next().unwrap_or_else(|| "{}".to_owned());
    let bytes = fs::read(&path).expect("FILE is readable");
    for _ in 0..5 {
        let mut sink = Counter::default();
        let started = Instant::now();
        let mut out = Emitter::new(&mut sink);
        let input = Input::new(Box::new(MemoryArtifact::new("script.sql", &bytes)));
        Sql::extract(&config, vec![input], &mut out).expect("it is a script");
        out.finish().expect("the sink takes everything");
        println!(
            "{} edges, {} between fields: {:?}",
            sink.edges,
            sink.field_edges,
            started.elapsed()
        );
    }
}
