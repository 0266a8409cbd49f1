//! Golden cases, broken at random: whatever comes of them, nothing panics, hangs, or tells of what is not there.
//!
//! `HEADWATER_FUZZ_CASES` says how many, `HEADWATER_FUZZ_SEED` from which on. A case that fails is printed with its
//! seed; one that is asked for alone is printed before.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use sql_lineage::{Catalog, Dialect, Options, Script, TableName, analyze};

/// Cases of a run that does not say how many.
const CASES: u64 = 2_000;
/// The longest text that is made.
const TEXT_BYTES_MAX: usize = 20_000;
/// How long one text may take, without optimisation.
const PATIENCE: Duration = Duration::from_secs(20);
/// Parsers of many dialects recurse; without optimisation their frames are large.
const STACK_BYTES: usize = 256 << 20;

/// Signs and words that turn statements over.
const ODDITIES: [&str; 44] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "{{",
    "}}",
    "{%",
    "%}",
    "'",
    "\"",
    "`",
    "$$",
    "--",
    "/*",
    "*/",
    ";",
    ",",
    ".",
    "::",
    "->",
    "=>",
    ":=",
    "*",
    "@",
    "#",
    "\0",
    "\u{feff}",
    "é",
    "\u{1f600}",
    "select",
    "from",
    "with",
    "recursive",
    "case",
    "end",
    "begin",
    "lateral",
    "unpivot",
    "qualify",
    "using",
    "merge",
    "\n",
];

/// `SplitMix64`.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn one_of<'t, T: ?Sized>(&mut self, of: &[&'t T]) -> &'t T {
        of[self.below(of.len())]
    }
}

/// The SQL of every golden case.
fn seeds() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut seeds = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        for case in text.split("\n## ") {
            let sql = case.split("\n---\n").next().unwrap_or_default();
            seeds.push(sql.to_owned());
        }
    }
    assert!(seeds.len() > 100, "only {} cases were found", seeds.len());
    seeds
}

/// A text in words, signs and the blanks between them.
fn pieces(text: &str) -> Vec<&str> {
    let kind = |sign: char| match sign {
        sign if sign.is_alphanumeric() || sign == '_' => 0,
        sign if sign.is_whitespace() => 1,
        _ => 2,
    };
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut last = None;
    for (at, sign) in text.char_indices() {
        let is_cut = last.is_some_and(|last| last != kind(sign) || last == 2);
        if is_cut {
            pieces.push(&text[start..at]);
            start = at;
        }
        last = Some(kind(sign));
    }
    pieces.push(&text[start..]);
    pieces
}

fn broken(dice: &mut Dice, seeds: &[String]) -> String {
    let own = &seeds[dice.below(seeds.len())];
    let other = &seeds[dice.below(seeds.len())];
    let (mut text, other) = (pieces(own), pieces(other));
    for _ in 0..=dice.below(6) {
        let (a, b) = (dice.below(text.len() + 1), dice.below(text.len() + 1));
        let (from, to) = (a.min(b), a.max(b).min(a.min(b) + 20));
        match dice.below(7) {
            0 => drop(text.drain(from..to)),
            1 => {
                let copied: Vec<&str> = text[from..to].to_vec();
                let times_max = if dice.below(10) == 0 { 60 } else { 3 };
                let times = 1 + dice.below(times_max);
                for _ in 0..times {
                    text.splice(to..to, copied.iter().copied());
                }
            }
            2 => {
                let (a, b) = (dice.below(other.len()), dice.below(other.len()));
                let taken = other[a.min(b)..a.max(b)].iter().take(30);
                text.splice(from..from, taken.copied());
            }
            3 => text.insert(from, dice.one_of(&ODDITIES)),
            4 if from < text.len() => text[from] = dice.one_of(&ODDITIES),
            5 if !text.is_empty() => {
                let (a, b) = (dice.below(text.len()), dice.below(text.len()));
                text.swap(a, b);
            }
            _ => text.truncate(to),
        }
        if text.is_empty() {
            text.push(" ");
        }
    }
    let mut text = text.concat();
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// What must be true of any script.
fn check(text: &str, script: &Script) {
    let lines: Vec<&str> = text.split('\n').collect();
    let is_within = |place: sql_lineage::Place| {
        let line = lines.get((place.line as usize).wrapping_sub(1));
        line.is_some_and(|line| (1..=line.chars().count() + 1).contains(&(place.column as usize)))
    };
    for statement in &script.statements {
        assert!(is_within(statement.place), "{:?}", statement.place);
        let is_output = |table: &Option<TableName>| {
            table
                .as_ref()
                .is_none_or(|table| statement.outputs.contains(table))
        };
        for edge in &statement.edges {
            assert!(is_output(&edge.to.table), "{edge:?} is into no output");
            assert!(is_within(edge.place), "{edge:?}");
        }
        for influence in &statement.influences {
            assert!(is_output(&influence.to), "{influence:?} is on no output");
        }
    }
    for problem in &script.problems {
        assert!(
            !problem.message.is_empty() && is_within(problem.place),
            "{problem:?}"
        );
    }
}

fn run(seed: u64, cases: u64) {
    let seeds = seeds();
    let mut catalog = Catalog::default();
    catalog.add(&TableName::new(["s"]), ["a", "b", "c"]);
    catalog.add(&TableName::new(["db", "sch", "t"]), ["id", "a", "x"]);
    for case in seed..seed + cases {
        let mut dice = Dice(case);
        let text = broken(&mut dice, &seeds);
        let options = Options {
            dialect: Some(dice.one_of(&Dialect::ALL.each_ref()).to_owned()),
            schema: (dice.below(4) == 0).then(|| "sch".to_owned()),
            ..Options::default()
        };
        if cases == 1 {
            // What ends the process can be seen no other way.
            println!("{:?}:\n{text}", options.dialect);
        }
        let begun = Instant::now();
        let checked = catch_unwind(AssertUnwindSafe(|| {
            let script = analyze(&text, &options, &catalog);
            check(&text, &script);
            assert_eq!(script, analyze(&text, &options, &catalog), "two answers");
        }));
        let took = begun.elapsed();
        assert!(
            checked.is_ok() && took < PATIENCE,
            "seed {case}, {:?}, {took:?}:\n{text}",
            options.dialect
        );
    }
}

#[test]
fn broken_golden_cases_are_read() {
    let number = |name: &str| -> Option<u64> { std::env::var(name).ok()?.parse().ok() };
    let cases = number("HEADWATER_FUZZ_CASES").unwrap_or(CASES);
    let seed = number("HEADWATER_FUZZ_SEED").unwrap_or(0);
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    let ended = thread.spawn(move || run(seed, cases)).unwrap().join();
    assert!(ended.is_ok(), "a case failed; it is printed above");
}
