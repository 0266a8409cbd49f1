//! What answers say of themselves, against a naive reference: cut or not and where, what is unresolved, without fields
//! and stale.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater_engine::{
    AssetFilter, Clock, Completeness, Cut, Direction, EngineOptions, Granularity, ImpactQuestion,
    LineageQuestion, View, WalkEntity,
};
use headwater_model::{
    AssetIndex, AssetKind, Cadence, Coverage, EdgeKind, Mesh, Statement, Timestamp,
};
use headwater_store::{MemoryLog, MemoryState};
use headwater_testkit::{NaiveGraph, Way};
use proptest::prelude::*;

use crate::support::{Fixture, SECOND, attribute, dataset, job, root, snapshot_of, source};

const DATASETS: usize = 7;
const JOBS: usize = 4;
const SOURCES: usize = 3;

/// A source says: this job reads these and writes these; and, if `is_stated`, that each output derives from the first
/// input alone.
#[derive(Clone, Debug)]
struct Said {
    source: usize,
    reads: BTreeSet<usize>,
    job: usize,
    writes: BTreeSet<usize>,
    is_stated: bool,
}

/// How a source stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    PromisesNothing,
    KeepsItsPromise,
    IsLate,
    Failed,
}

impl Stands {
    fn is_stale(self) -> bool {
        matches!(self, Self::IsLate | Self::Failed)
    }
}

#[derive(Clone, Debug)]
struct Case {
    said: Vec<Said>,
    stands: Vec<Stands>,
    /// Datasets that the first source declares besides.
    declared: BTreeSet<usize>,
    /// Datasets at which walks stop.
    stops: BTreeSet<usize>,
    /// The asset that walks start at, as a share of those that are named.
    root: prop::sample::Index,
    depth: u32,
    nodes_max: usize,
}

fn cases() -> impl Strategy<Value = Case> {
    let some = || prop::collection::btree_set(0..DATASETS, 0..3);
    let said = (0..SOURCES, some(), 0..JOBS, some(), any::<bool>()).prop_map(
        |(source, reads, job, writes, is_stated)| Said {
            is_stated: is_stated && !reads.is_empty(),
            source,
            reads,
            job,
            writes,
        },
    );
    let stands = prop::sample::select(vec![
        Stands::PromisesNothing,
        Stands::KeepsItsPromise,
        Stands::IsLate,
        Stands::Failed,
    ]);
    (
        prop::collection::vec(said, 1..9),
        prop::collection::vec(stands, SOURCES),
        some(),
        some(),
        any::<prop::sample::Index>(),
        0..4_u32,
        1..8_usize,
    )
        .prop_map(
            |(said, stands, declared, stops, root, depth, nodes_max)| Case {
                said,
                stands,
                declared,
                stops,
                root,
                depth,
                nodes_max,
            },
        )
}

fn d(number: usize) -> String {
    format!("d{number}")
}

fn j(number: usize) -> String {
    format!("j{number}")
}

fn key(number: usize) -> String {
    format!("orders/s{number}")
}

/// An engine that was told the case, and what a naive reader knows of it.
struct Told {
    fixture: Fixture,
    graph: NaiveGraph,
    declared: BTreeSet<AssetIndex>,
    named_by: BTreeMap<AssetIndex, BTreeSet<usize>>,
}

impl Told {
    fn new(case: &Case) -> Self {
        let hours = |hours: i64| Timestamp::from_micros(hours * 3600 * SECOND);
        let options = EngineOptions {
            clock: Clock::new(move || hours(10)),
            ..EngineOptions::default()
        };
        let (log, state) = (Arc::new(MemoryLog::new()), Arc::new(MemoryState::new()));
        let (fixture, _) = Fixture::with(log, state, options);
        let promises = case.stands.iter().enumerate().filter_map(|(at, stands)| {
            let every = match stands {
                Stands::KeepsItsPromise => "24h",
                Stands::IsLate => "1h",
                Stands::PromisesNothing | Stands::Failed => return None,
            };
            Some((source(&key(at)), Cadence::parse(every).expect("a cadence")))
        });
        let mesh = Mesh::default().with_cadences(promises.collect());
        fixture.engine.set_mesh(mesh, hours(0)).expect("a mesh");
        for (at, stands) in case.stands.iter().enumerate() {
            let mut submission = snapshot_of(
                &key(at),
                1,
                &text(case, at),
                Coverage::ALL,
                *stands == Stands::Failed,
            );
            submission.received_at = hours(0);
            if let Statement::Snapshot(snapshot) = &mut submission.statement
                && at == 0
            {
                let stops = case
                    .stops
                    .iter()
                    .map(|n| attribute(&d(*n), "owner", "stop"));
                snapshot.facts.attributes.extend(stops);
            }
            fixture.submit(submission);
        }
        let mut told = Self {
            fixture,
            graph: NaiveGraph::default(),
            declared: BTreeSet::new(),
            named_by: BTreeMap::new(),
        };
        told.read(case);
        told
    }

    /// The number of a name.
    fn number(&self, name: &str) -> AssetIndex {
        self.graph.number(name).expect("it is named")
    }

    fn read(&mut self, case: &Case) {
        let view = self.fixture.view();
        let (count, _) = view.graph_size();
        for index in 0..count as u32 {
            let asset = view.asset(AssetIndex::new(index)).expect("it is there");
            self.graph.add_asset(asset.name, asset.kind);
        }
        let names = |number: &usize| self.graph.number(&d(*number)).expect("it is named");
        let mut edges = Vec::new();
        for said in &case.said {
            let job = self.number(&j(said.job));
            self.named_by.entry(job).or_default().insert(said.source);
            for dataset in said.reads.iter().chain(&said.writes).map(names) {
                self.named_by
                    .entry(dataset)
                    .or_default()
                    .insert(said.source);
            }
            edges.extend(said.reads.iter().map(|n| (names(n), job, None)));
            edges.extend(said.writes.iter().map(|n| (job, names(n), None)));
            self.declared.extend(said.writes.iter().map(names));
            if let Some(origin) = said.reads.first().filter(|_| said.is_stated) {
                let derived = said.writes.iter();
                edges.extend(derived.map(|n| (names(origin), names(n), Some(job))));
            }
        }
        let of_first = case.declared.iter().chain(&case.stops).map(names);
        let of_first: Vec<AssetIndex> = of_first.collect();
        self.declared.extend(case.declared.iter().map(names));
        for dataset in of_first {
            self.named_by.entry(dataset).or_default().insert(0);
        }
        for (from, to, via) in edges {
            self.graph.add_edge(from, to, via);
        }
    }

    fn is_dataset(&self, asset: AssetIndex) -> bool {
        self.graph.kind(asset) == Some(AssetKind::Dataset)
    }

    /// Datasets that nobody declares, whether something reads, writes or is derived from them or not any more.
    fn unresolved(&self, visited: &BTreeSet<AssetIndex>) -> usize {
        let datasets = visited.iter().filter(|asset| self.is_dataset(**asset));
        datasets
            .filter(|asset| !self.declared.contains(asset))
            .count()
    }

    fn stale(&self, case: &Case, visited: &BTreeSet<AssetIndex>) -> BTreeSet<String> {
        let named = visited.iter().filter_map(|asset| self.named_by.get(asset));
        let sources: BTreeSet<usize> = named.flatten().copied().collect();
        let stale = sources.into_iter().filter(|at| case.stands[*at].is_stale());
        stale.map(key).collect()
    }

    /// Datasets with an edge onwards, all of which say nothing of fields.
    fn without_fields(&self, open: impl Iterator<Item = AssetIndex>, way: Way) -> usize {
        let leads_on = |asset: &AssetIndex| {
            self.graph.edges().any(|edge| {
                let (near, far) = match way {
                    Way::Down => (edge.from, edge.to),
                    Way::Up => (edge.to, edge.from),
                };
                near == *asset
                    && far != *asset
                    && self.graph.edge_kind(edge) != Some(EdgeKind::Follows)
            })
        };
        let datasets = open.filter(|asset| self.is_dataset(*asset));
        datasets.filter(leads_on).count()
    }
}

/// What a source says, in the notation of tests.
fn text(case: &Case, at: usize) -> String {
    let list = |numbers: &BTreeSet<usize>| -> String {
        let names: Vec<String> = numbers.iter().map(|number| d(*number)).collect();
        names.join(", ")
    };
    let mut parts = Vec::new();
    for said in case.said.iter().filter(|said| said.source == at) {
        let job = j(said.job);
        parts.push(format!(
            "{} -> {job} -> {}",
            list(&said.reads),
            list(&said.writes)
        ));
        if let Some(origin) = said.reads.first().filter(|_| said.is_stated) {
            let derived = said.writes.iter();
            parts.extend(derived.map(|n| format!("{} => {} @{job}", d(*origin), d(*n))));
        }
    }
    if at == 0 {
        parts.extend(case.declared.iter().map(|number| d(*number)));
    }
    parts.join("; ")
}

/// Everything of a question but its bounds.
struct Asked<'a> {
    told: &'a Told,
    case: &'a Case,
    view: View,
    root: AssetIndex,
    stops: BTreeSet<AssetIndex>,
    way: Way,
}

fn stop_filter() -> AssetFilter {
    AssetFilter {
        owners: Some(vec!["stop".to_owned()]),
        ..AssetFilter::default()
    }
}

impl Asked<'_> {
    fn direction(&self) -> Direction {
        match self.way {
            Way::Up => Direction::Upstream,
            Way::Down => Direction::Downstream,
        }
    }

    fn naive(&self, roots: &BTreeSet<AssetIndex>, depth: u32) -> BTreeMap<AssetIndex, u32> {
        self.told.graph.closure(roots, self.way, depth, &self.stops)
    }

    /// What is said of all that was visited, roots included.
    fn check_visited(&self, found: &Completeness, reached: &BTreeSet<AssetIndex>) {
        let mut visited = reached.clone();
        visited.insert(self.root);
        assert_eq!(found.unresolved_count, self.told.unresolved(&visited));
        let stale = found.stale_sources.iter();
        let stale = stale.map(|number| self.view.source_by_number(*number).expect("a source"));
        let stale: BTreeSet<String> = stale.map(|source| source.key.to_string()).collect();
        assert_eq!(stale, self.told.stale(self.case, &visited));
        assert_eq!(found.hidden_count, 0);
        assert_eq!(found.is_walk_complete(), found.cut_by.is_empty());
        let is_exhaustive = found.cut_by.is_empty()
            && found.unresolved_count == 0
            && found.without_fields_count == 0
            && stale.is_empty();
        assert_eq!(found.is_exhaustive(), is_exhaustive);
    }

    /// What was reached, and what is reached going on from where it stopped, is all.
    fn check_frontier(&self, found: &Completeness, reached: &BTreeSet<AssetIndex>) {
        let frontier: BTreeSet<AssetIndex> = found.frontier.iter().copied().collect();
        assert_eq!(frontier.len(), found.frontier.len(), "without repeats");
        assert!(
            frontier
                .iter()
                .all(|at| reached.contains(at) || *at == self.root)
        );
        assert!(frontier.is_empty() || !found.cut_by.is_empty());
        let mut together = reached.clone();
        together.extend(self.naive(&frontier, u32::MAX).into_keys());
        together.remove(&self.root);
        let all = self.naive(&[self.root].into(), u32::MAX);
        assert_eq!(together, all.into_keys().collect());
    }

    fn check_impact(&self, granularity: Granularity, depth: Option<u32>, is_over: bool) {
        let question = ImpactQuestion {
            of: vec![root(self.root)],
            granularity,
            direction: self.direction(),
            depth_hops_max: depth,
            filter: None,
            stop_at: Some(stop_filter()),
            is_over: &|| is_over,
        };
        let answer = self.view.impact(&question).expect("an answer");
        let hops = answer
            .reached()
            .iter()
            .map(|asset| (asset.index, asset.hops));
        let reached: BTreeMap<AssetIndex, u32> = hops.collect();
        assert_eq!(
            reached.len(),
            answer.reached().len(),
            "each is counted once"
        );
        let assets: BTreeSet<AssetIndex> = reached.keys().copied().collect();
        let found = &answer.completeness;
        self.check_visited(found, &assets);
        self.check_frontier(found, &assets);
        let roots: BTreeSet<AssetIndex> = [self.root].into();
        let all = self.naive(&roots, u32::MAX);
        if found.cut_by == [Cut::Timeout] {
            assert!(is_over);
            return;
        }
        assert_eq!(reached, self.naive(&roots, depth.unwrap_or(u32::MAX)));
        let is_cut = reached != all;
        let expected: &[Cut] = if is_cut { &[Cut::Depth] } else { &[] };
        assert_eq!(found.cut_by, expected);
        if granularity == Granularity::Dataset {
            assert_eq!(found.without_fields_count, 0);
        } else if depth.is_none() {
            let open = assets.iter().filter(|asset| !self.stops.contains(asset));
            let open: BTreeSet<AssetIndex> = open.copied().chain([self.root]).collect();
            let expected = self.told.without_fields(open.into_iter(), self.way);
            assert_eq!(found.without_fields_count, expected);
        }
    }

    fn check_lineage(&self, nodes_max: usize) {
        let question = LineageQuestion {
            of: vec![root(self.root)],
            granularity: Granularity::Dataset,
            direction: self.direction(),
            depth_hops_max: None,
            filter: None,
            stop_at: Some(stop_filter()),
            nodes_max,
            edges_max: 1000,
            is_over: &|| false,
        };
        let answer = self.view.lineage(&question);
        let found = &answer.completeness;
        let mut hops = Vec::new();
        let mut reached = BTreeSet::new();
        for node in &answer.nodes {
            let WalkEntity::Asset(asset) = node.entity else {
                panic!("a field in a walk over datasets");
            };
            hops.push(node.hops);
            reached.insert(asset);
        }
        reached.remove(&self.root);
        self.check_visited(found, &reached);
        self.check_frontier(found, &reached);
        let all = self.naive(&[self.root].into(), u32::MAX);
        let mut nearest: Vec<u32> = all.values().copied().chain([0]).collect();
        nearest.sort_unstable();
        let is_cut = nearest.len() > nodes_max;
        nearest.truncate(nodes_max);
        assert_eq!(hops, nearest, "the nearest ones are kept");
        let expected: &[Cut] = if is_cut { &[Cut::Limit] } else { &[] };
        assert_eq!(found.cut_by, expected);
    }
}

fn check(case: &Case) {
    let told = Told::new(case);
    let view = told.fixture.view();
    let mut starts: Vec<AssetIndex> = Vec::new();
    for said in &case.said {
        let datasets = said.reads.iter().chain(&said.writes);
        let datasets = datasets.map(|number| dataset(&d(*number)).dataset());
        for name in datasets.chain([job(&j(said.job)).job()]) {
            let known = view.by_name(&name).expect("readable");
            starts.push(known.expect("it is named"));
        }
    }
    let stops = case.stops.iter().map(|number| told.number(&d(*number)));
    let stops: BTreeSet<AssetIndex> = stops.collect();
    for way in [Way::Up, Way::Down] {
        let asked = Asked {
            told: &told,
            case,
            view: told.fixture.view(),
            root: starts[case.root.index(starts.len())],
            stops: stops.clone(),
            way,
        };
        // Where no origin is stated and no field is named, a walk over fields goes where one over datasets goes.
        let has_stated = case.said.iter().any(|said| said.is_stated);
        let by_field = (!has_stated).then_some(Granularity::Field);
        for granularity in by_field.into_iter().chain([Granularity::Dataset]) {
            for depth in [None, Some(case.depth)] {
                for is_over in [false, true] {
                    asked.check_impact(granularity, depth, is_over);
                }
            }
        }
        asked.check_lineage(case.nodes_max);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn answers_say_of_themselves_what_a_naive_reader_finds(case in cases()) {
        check(&case);
    }
}
