//! Times the index at a million names, and at a million assets with ten fields each.
//!
//! `cargo run --release -p headwater-search --example search_bench [small]`
//!
//! Times of queries are CPU times of the thread, so that a busy machine tells nearly the same as an idle one; building
//! and loading are told in seconds of it too.

use std::time::Duration;

use headwater_search::{Document, Filter, Index, Names, Query};

/// Vigna's `SplitMix64`: the same names in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// Small numbers are likelier, as common words are.
    fn skewed(&mut self, bound: usize) -> usize {
        let least = self.below(bound) + 1;
        self.below(least)
    }
}

const WORDS: [&str; 60] = [
    "orders",
    "customers",
    "payments",
    "status",
    "daily",
    "items",
    "events",
    "sessions",
    "users",
    "products",
    "inventory",
    "shipments",
    "returns",
    "invoices",
    "accounts",
    "balance",
    "ledger",
    "region",
    "store",
    "campaign",
    "clicks",
    "views",
    "revenue",
    "forecast",
    "supplier",
    "contract",
    "price",
    "discount",
    "refund",
    "basket",
    "address",
    "delivery",
    "warehouse",
    "stock",
    "purchase",
    "loyalty",
    "segment",
    "churn",
    "model",
    "score",
    "feature",
    "snapshot",
    "history",
    "current",
    "latest",
    "monthly",
    "hourly",
    "report",
    "summary",
    "detail",
    "audit",
    "error",
    "raw",
    "clean",
    "merged",
    "joined",
    "dim",
    "fact",
    "agg",
    "tmp",
];
const SYLLABLES: [&str; 24] = [
    "ba", "con", "der", "el", "fra", "gon", "hi", "il", "jo", "kar", "lim", "mo", "nar", "ol",
    "per", "qui", "ras", "sto", "tri", "um", "ver", "wen", "xi", "zor",
];
const NAMESPACES: [&str; 4] = [
    "postgres://db",
    "kafka://broker",
    "s3://lake",
    "snowflake://org-account",
];

/// One of 60 common words or of some 14,000 made-up ones.
fn word(random: &mut Random) -> String {
    if random.below(5) < 4 {
        return WORDS[random.skewed(WORDS.len())].to_owned();
    }
    (0..3)
        .map(|_| SYLLABLES[random.below(SYLLABLES.len())])
        .collect()
}

/// Two names in five have a number, date or hash of their own.
fn name(random: &mut Random, index: usize) -> String {
    let (a, b, c) = (word(random), word(random), word(random));
    let own = match random.below(10) {
        0 => format!(
            "_{}{:02}{:02}",
            1990 + random.below(40),
            1 + random.below(12),
            1 + random.below(28)
        ),
        1 | 2 => format!("_{index}"),
        3 => format!("_{:08x}", random.next() as u32),
        _ => String::new(),
    };
    match random.below(6) {
        0 => format!("shop_{}.public.{a}_{b}{own}", random.skewed(40)),
        1 => format!("wh/{a}.db/{b}_{c}{own}"),
        2 => format!("model.{a}.stg_{b}_{c}{own}"),
        3 => format!("{a}_mart.main.{b}_{c}{own}.build.run"),
        4 => format!(
            "{}.{b}_{c}{own}",
            ["raw", "core", "analytics"][random.below(3)]
        ),
        _ => {
            let mut camel = String::new();
            for word in [a, b] {
                camel.push_str(&word[..1].to_uppercase());
                camel.push_str(&word[1..]);
            }
            format!("topic.{camel}.{c}{own}")
        }
    }
}

struct Assets {
    namespaces: Vec<String>,
    names: Vec<(u16, String)>,
    field_names: Vec<String>,
    /// Ten to an asset, or none at all.
    fields: Vec<u16>,
}

impl Assets {
    fn new(count: usize, has_fields: bool) -> Self {
        let mut random = Random(11);
        let namespaces: Vec<String> = (0..300)
            .map(|at| format!("{}-{at}.example:5432", NAMESPACES[at % NAMESPACES.len()]))
            .collect();
        let mut field_names: Vec<String> = (0..20_000)
            .map(|_| format!("{}_{}", word(&mut random), word(&mut random)))
            .chain(
                [
                    "id",
                    "status",
                    "created_at",
                    "updated_at",
                    "name",
                    "customer_id",
                ]
                .map(String::from),
            )
            .collect();
        field_names.sort();
        field_names.dedup();
        field_names.truncate(5000);
        let names = (0..count)
            .map(|index| {
                (
                    random.skewed(namespaces.len()) as u16,
                    name(&mut random, index),
                )
            })
            .collect();
        let fields_count = if has_fields { 10 * count } else { 0 };
        let fields = (0..fields_count).map(|_| random.skewed(field_names.len()) as u16);
        Self {
            fields: fields.collect(),
            namespaces,
            names,
            field_names,
        }
    }

    fn document(&self, index: usize) -> Document<'_> {
        let (namespace, name) = &self.names[index];
        let fields = self
            .fields
            .get(10 * index..10 * index + 10)
            .unwrap_or_default();
        Document {
            namespace: &self.namespaces[usize::from(*namespace)],
            name,
            aliases: Vec::new(),
            fields: fields
                .iter()
                .map(|field| self.field_names[usize::from(*field)].as_str())
                .collect(),
            description: None,
        }
    }
}

impl Names for Assets {
    fn names(&self, key: u32) -> Option<(&str, &str)> {
        let (namespace, name) = self.names.get(key as usize)?;
        Some((&self.namespaces[usize::from(*namespace)], name))
    }
}

fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        now.tv_sec.try_into().unwrap_or(0),
        now.tv_nsec.try_into().unwrap_or(0),
    )
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = cpu_time();
    let made = work();
    (made, cpu_time().saturating_sub(start))
}

fn shown(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// Texts of one kind: whole names, their last segments, their words with a typo, and so on.
fn texts(kind: &str, assets: &Assets) -> Vec<String> {
    let mut random = Random(23);
    let letter = |random: &mut Random| char::from(b'a' + random.below(26) as u8);
    (0..300)
        .map(|_| {
            let (_, name) = &assets.names[random.below(assets.names.len())];
            let words: Vec<&str> = name
                .split(|character: char| !character.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .collect();
            let some = words[random.below(words.len())].to_owned();
            match kind {
                "whole name" => name.clone(),
                "common word" => WORDS[random.below(WORDS.len())].to_owned(),
                "1 letter" => {
                    if random.below(6) == 0 {
                        random.below(10).to_string()
                    } else {
                        letter(&mut random).to_string()
                    }
                }
                "2 letters" => some.chars().take(2).collect(),
                "3 letters" => some.chars().take(3).collect(),
                "two words" => format!("{} {}", WORDS[random.below(60)], WORDS[random.below(60)]),
                "two prefixes" => {
                    format!("{} {}", &WORDS[random.below(60)][..2], letter(&mut random))
                }
                "typo" => {
                    let mut word: Vec<char> = WORDS[random.below(30)].chars().collect();
                    let at = 1 + random.below(word.len() - 2);
                    word.swap(at, at + 1);
                    word.into_iter().collect()
                }
                _ => format!("{}qq{}", letter(&mut random), random.below(1 << 40)),
            }
        })
        .collect()
}

const KINDS: [&str; 9] = [
    "whole name",
    "common word",
    "1 letter",
    "2 letters",
    "3 letters",
    "two words",
    "two prefixes",
    "typo",
    "no match",
];

fn measure(index: &Index, assets: &Assets, kind: &str, filter: Option<&Filter<'_>>) -> [String; 3] {
    let (mut times, mut hits) = (Vec::new(), 0);
    for text in texts(kind, assets) {
        let query = Query::parse(&text, 20).expect("the text is within the bounds");
        let (results, time) = timed(|| index.search(&query, assets, filter));
        times.push(time);
        hits += results.total_count;
    }
    times.sort();
    let at = |share: usize| shown(times[(times.len() - 1) * share / 100]);
    [at(50), at(99), (hits / times.len() as u64).to_string()]
}

fn run(count: usize, has_fields: bool) {
    let fields = if has_fields { ", 10 fields each" } else { "" };
    let assets = Assets::new(count, has_fields);
    println!("\n## {count} assets{fields}\n");
    let (applied, time) =
        timed(|| Index::new().apply((0..count).map(|at| (at as u32, Some(assets.document(at))))));
    println!("indexed in {:.2} s", time.as_secs_f64());
    let (compacted, time) = timed(|| applied.compact());
    println!("compacted in {:.2} s", time.as_secs_f64());
    let mut file = Vec::new();
    compacted
        .index()
        .write_to(0, &mut file)
        .expect("memory takes everything");
    drop((applied, compacted));
    let bytes = file.len();
    println!(
        "file {:.1} MB, {:.1} bytes per asset",
        bytes as f64 / 1e6,
        bytes as f64 / count as f64
    );
    let (index, time) = timed(|| Index::read_from(file).expect("the file is whole").0);
    let bytes = index.bytes_count();
    println!(
        "read in {}, {:.1} bytes of memory per asset",
        shown(time),
        bytes as f64 / count as f64
    );

    let hundredth = |key: u32| key.is_multiple_of(97);
    println!(
        "\n| query | p50 | p99 | hits | p50, filter of 1 % | p99 |\n|---|---|---|---|---|---|"
    );
    for kind in KINDS {
        let [p50, p99, hits] = measure(&index, &assets, kind, None);
        let [filtered50, filtered99, _] = measure(&index, &assets, kind, Some(&hundredth));
        println!("| {kind} | {p50} | {p99} | {hits} | {filtered50} | {filtered99} |");
    }

    let mut random = Random(31);
    let (mut overlaid, mut times) = (index.clone(), Vec::new());
    for _ in 0..count / 100 {
        let key = random.below(count);
        let (next, time) = timed(|| overlaid.apply([(key as u32, Some(assets.document(key)))]));
        overlaid = next;
        times.push(time);
    }
    times.sort();
    let mean = times.iter().sum::<Duration>() / times.len().max(1) as u32;
    let at = |share: usize| shown(times[(times.len() - 1) * share / 1000]);
    println!(
        "\n{} commits of one document: mean {}, p50 {}, p99 {}, p99.9 {}, longest {}\n",
        times.len(),
        shown(mean),
        at(500),
        at(990),
        at(999),
        at(1000),
    );
    println!("| query, overlay of 1 % | p50 | p99 |\n|---|---|---|");
    for kind in KINDS {
        let [p50, p99, _] = measure(&overlaid, &assets, kind, None);
        println!("| {kind} | {p50} | {p99} |");
    }
    let (compacted, time) = timed(|| overlaid.compact());
    let (adopted, adopting) = timed(|| overlaid.adopt(&compacted));
    println!(
        "\ncompacted in {:.2} s, adopted in {}",
        time.as_secs_f64(),
        shown(adopting)
    );
    assert_eq!(adopted.documents_count(), count as u64);
}

fn main() {
    let count = if std::env::args().any(|arg| arg == "small") {
        20_000
    } else {
        1_000_000
    };
    run(count, false);
    run(count, true);
}
