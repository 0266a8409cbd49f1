//! Walks over fields: by hand, and against a fixpoint over all pairs on random graphs.

use std::collections::{BTreeMap, BTreeSet};

use headwater_graph::{
    AssetRow, ClosureOptions, Delta, Direction, Entity, FieldClosure, FieldEdgeKey, FieldIndex,
    FieldRoot, LineageOptions, Snapshot,
};
use headwater_model::{AssetIndex, AssetKind};
use headwater_testkit::{NaiveGraph, graph};
use proptest::prelude::*;

use crate::support::{overlaid, packed};

/// A graph and the numbers of its names.
pub(crate) struct Fielded {
    pub(crate) assets: NaiveGraph,
    pub(crate) snapshot: Snapshot,
}

impl Fielded {
    /// `assets` in the notation of graphs; `fields` are lines `a#x => b#y via j`, with `*` for the dataset as a whole.
    pub(crate) fn new(assets: &str, fields: &str) -> Self {
        let assets = graph(assets);
        let mut snapshot = packed(&assets);
        for line in fields.split(';').map(str::trim).filter(|l| !l.is_empty()) {
            let (ends, via) = match line.split_once(" via ") {
                Some((ends, via)) => (ends, Some(via.trim())),
                None => (line, None),
            };
            let (from, to) = ends.split_once("=>").expect("a line is an edge");
            let mut delta = Delta::new();
            let mut added: BTreeMap<String, FieldIndex> = BTreeMap::new();
            let mut end = |text: &str| {
                let (dataset, name) = text.trim().split_once('#').expect("an end names a field");
                let dataset = assets.number(dataset).expect("the dataset is in the graph");
                let name = (name != "*").then_some(name);
                snapshot.find_field(dataset, name).unwrap_or_else(|| {
                    let next = (snapshot.fields_count() + added.len()) as u32;
                    *added.entry(text.trim().to_owned()).or_insert_with(|| {
                        delta.add_field(FieldIndex::new(next), dataset, name);
                        FieldIndex::new(next)
                    })
                })
            };
            let (from, to) = (end(from), end(to));
            let via = via.map(|via| assets.number(via).expect("the job is in the graph"));
            delta.add_field_edge(FieldEdgeKey { from, to, via });
            snapshot = snapshot.apply(&delta).expect("the fields are sound");
        }
        Self { assets, snapshot }
    }

    /// `a`, or `a#x`.
    pub(crate) fn root(&self, text: &str) -> FieldRoot {
        let (asset, field) = match text.split_once('#') {
            Some((asset, field)) => (asset, Some(field)),
            None => (text, None),
        };
        let asset = self.assets.number(asset).expect("the root is in the graph");
        match field {
            Some(field) => FieldRoot::Field(asset, self.snapshot.find_field(asset, Some(field))),
            None => FieldRoot::Asset(asset),
        }
    }

    pub(crate) fn field_name(&self, field: FieldIndex) -> String {
        let field = self.snapshot.field(field).expect("it is in the graph");
        format!(
            "{}#{}",
            self.assets.name(field.dataset),
            field.name.unwrap_or("*")
        )
    }

    fn entity(&self, entity: Entity) -> String {
        match entity {
            Entity::Field(field) => self.field_name(field),
            Entity::Dataset(asset) => format!("{}#*", self.assets.name(asset)),
            Entity::Job(asset) => self.assets.name(asset).to_owned(),
        }
    }

    fn walk(&self, roots: &str, direction: Direction, options: ClosureOptions) -> FieldClosure {
        let roots: Vec<FieldRoot> = roots.split(' ').map(|root| self.root(root)).collect();
        self.snapshot
            .field_closure(&roots, direction, &options, |_| false, |_| false)
    }

    fn text(&self, closure: &FieldClosure) -> String {
        let mut words: Vec<String> = closure
            .entries
            .iter()
            .map(|reached| format!("{}:{}", self.entity(reached.entity), reached.hops))
            .collect();
        let names = |assets: &[AssetIndex]| {
            let names: Vec<&str> = assets
                .iter()
                .map(|asset| self.assets.name(*asset))
                .collect();
            names.join(" ")
        };
        if !closure.without_fields.is_empty() {
            words.push(format!(
                "| without fields at {}",
                names(&closure.without_fields)
            ));
        }
        if let Some(reason) = closure.cut_by {
            words.push(format!("| {reason:?} at {}", names(&closure.frontier)));
        }
        words.join(" ")
    }

    #[track_caller]
    fn down(&self, roots: &str, expected: &str) {
        let closure = self.walk(roots, Direction::Downstream, ClosureOptions::default());
        assert_eq!(self.text(&closure), expected, "downstream of {roots}");
    }

    #[track_caller]
    fn up(&self, roots: &str, expected: &str) {
        let closure = self.walk(roots, Direction::Upstream, ClosureOptions::default());
        assert_eq!(self.text(&closure), expected, "upstream of {roots}");
    }
}

#[test]
fn a_field_reaches_what_is_computed_from_it_and_nothing_beside() {
    let case = Fielded::new(
        "a -> j -> b; b -> k -> c",
        "a#x => b#u via j; a#y => b#v via j; b#u => c#t via k; b#v => c#s via k",
    );
    case.down("a#x", "j:0 b#u:1 k:1 c#t:2");
    case.up("c#s", "k:0 b#v:1 j:1 a#y:2");
    case.down("a#nowhere", "");
}

#[test]
fn a_filter_reaches_every_field_of_the_output() {
    let case = Fielded::new(
        "a -> j -> b; b -> k -> c",
        "a#x => b#u via j; a#status => b#* via j; b#u => c#t via k",
    );
    case.down("a#status", "j:0 b#*:1 k:1 c#t:2");
    case.up("c#t", "k:0 b#u:1 j:1 a#x:2 a#status:2");
}

#[test]
fn what_takes_the_whole_dataset_takes_each_field() {
    let case = Fielded::new("a -> j -> b", "a#* => b#n via j; a#x => b#u via j");
    case.down("a#other", "j:0 b#n:1");
    case.down("a#x", "j:0 b#u:1 b#n:1");
    case.up("b#n", "j:0 a#*:1");
}

#[test]
fn an_edge_without_field_lineage_is_taken_at_dataset_level_and_told() {
    let case = Fielded::new(
        "a -> j -> b; b -> k -> c; b => d via m",
        "b#u => c#t via k; b#v => c#s via k",
    );
    case.down(
        "a#x",
        "j:0 b#*:1 k:1 m:1 c#t:2 c#s:2 d#*:2 | without fields at a b",
    );
    case.up("c#t", "k:0 b#u:1 j:1 a#*:2 | without fields at b");
    case.down("b#u", "k:0 m:0 c#t:1 d#*:1 | without fields at b");
}

#[test]
fn only_edges_between_assets_that_have_field_lineage_are_left_to_it() {
    let case = Fielded::new("a, z -> j -> b, c", "a#x => b#u via j");
    case.down("z#q", "j:0 b#*:1 c#*:1 | without fields at z");
    case.down("a#y", "j:0 c#*:1 | without fields at a");
    case.up("b#u", "j:0 a#x:1 z#*:1 | without fields at b");
    let case = Fielded::new("a, z -> j -> b; a => b via j", "a#x => b#u via j");
    // What b is made of is stated, and z is not among it: the job that reads z is as far as it goes.
    case.down("z#q", "j:0 | without fields at z");
    case.down("a#y", "");
    case.up("b#u", "j:0 a#x:1");
}

#[test]
fn edges_between_fields_without_a_job_stand_for_every_job_between_the_datasets() {
    let case = Fielded::new("a, z -> j -> b", "a#x => b#u");
    case.down("a#y", "");
    case.down("z#q", "j:0 b#*:1 | without fields at z");
    case.up("b#u", "j:0 a#x:1 z#*:1 | without fields at b");
}

#[test]
fn a_job_that_writes_nothing_is_reached() {
    let case = Fielded::new("a -> j ->", "");
    case.down("a#x", "j:0 | without fields at a");
}

#[test]
fn cycles_end_and_an_edge_of_a_field_to_itself_is_not_walked() {
    let case = Fielded::new(
        "a -> j -> b; b -> k -> a",
        "a#x => b#u via j; b#u => a#x via k; a#y => a#y via k",
    );
    case.down("a#x", "j:0 b#u:1 k:1");
    case.down("a#y", "k:0");
    case.up("a#y", "k:0");
}

#[test]
fn a_dataset_that_is_stated_to_derive_from_itself_alone_has_the_job_that_writes_it_upstream() {
    let case = Fielded::new("d -> j -> d; d => d via j; d -> k -> e", "d#x => e#u via k");
    case.up("d#x", "j:0 | without fields at d");
    case.up("d", "j:0 | without fields at d");
    case.up("e#u", "k:0 d#x:1 j:1 | without fields at d");
    // Nothing it is made of is told.
    let case = Fielded::new("a -> j -> d; d => d via j", "");
    case.up("d#x", "j:0 | without fields at d");
    // Edges between its fields tell what each is made of.
    let case = Fielded::new(
        "d -> j -> d; d => d via j",
        "d#x => d#x via j; d#x => d#y via j",
    );
    case.up("d#x", "j:0");
    case.up("d#y", "j:0 d#x:1");
    case.up("d#z", "");
    let case = Fielded::new("a, d -> j -> d; d => d via j; a => d via j", "");
    case.up("d#x", "j:0 a#*:1 | without fields at d");
}

#[test]
fn a_drawing_has_the_job_of_a_dataset_that_derives_from_itself_alone() {
    let case = Fielded::new("d -> j -> d; d => d via j", "");
    check_drawing(
        &case,
        "d",
        &[Direction::Upstream],
        ["d#*:0 j:0", "j -WRITES> d#*"],
    );
}

#[test]
fn a_dataset_as_root_is_all_its_fields() {
    let case = Fielded::new(
        "a -> j -> b",
        "a#x => b#u via j; a#* => b#n via j; a#x => a#y",
    );
    case.down("a", "j:0 b#u:1 b#n:1");
    case.down("j", "b#*:1");
    case.up("j", "a#*:1 a#x:1");
}

#[test]
fn depth_and_limit_tell_where_more_is() {
    let case = Fielded::new(
        "a -> j -> b; b -> k -> c; c -> m -> d",
        "a#x => b#u via j; b#u => c#t via k",
    );
    let options = ClosureOptions {
        depth_hops_max: Some(1),
        assets_max: None,
    };
    let walk = case.walk("a#x", Direction::Downstream, options);
    assert_eq!(case.text(&walk), "j:0 b#u:1 k:1 | Depth at b");
    let options = ClosureOptions {
        depth_hops_max: None,
        assets_max: Some(2),
    };
    let walk = case.walk("a#x", Direction::Downstream, options);
    assert_eq!(case.text(&walk), "j:0 b#u:1 | Limit at b");
    let options = ClosureOptions {
        depth_hops_max: Some(3),
        assets_max: None,
    };
    let walk = case.walk("a#x", Direction::Downstream, options);
    assert_eq!(
        case.text(&walk),
        "j:0 b#u:1 k:1 c#t:2 m:2 d#*:3 | without fields at c"
    );
}

#[test]
fn a_path_has_the_assets_and_fields_in_order() {
    let case = Fielded::new(
        "a -> j -> b; b -> k -> c",
        "a#x => b#u via j; b#u => b#v; b#v => c#t via k",
    );
    let walk = case.walk("a#x", Direction::Downstream, ClosureOptions::default());
    let (assets, fields) = walk.path(walk.entries.len() - 1);
    let assets: Vec<&str> = assets.iter().map(|a| case.assets.name(*a)).collect();
    let fields: Vec<String> = fields.iter().map(|f| case.field_name(*f)).collect();
    assert_eq!(assets.join(" "), "a j b k c");
    assert_eq!(fields.join(" "), "a#x b#u b#v c#t");
}

#[track_caller]
fn check_drawing(case: &Fielded, roots: &str, directions: &[Direction], expected: [&str; 2]) {
    let roots: Vec<FieldRoot> = roots.split(' ').map(|root| case.root(root)).collect();
    let drawn = case.snapshot.field_lineage(
        &roots,
        directions,
        &LineageOptions::default(),
        |_| false,
        |_| false,
    );
    let nodes: Vec<String> = drawn
        .nodes
        .iter()
        .map(|node| format!("{}:{}", case.entity(node.entity), node.hops))
        .collect();
    let edges: Vec<String> = drawn
        .edges
        .iter()
        .map(|edge| {
            format!(
                "{} -{}> {}",
                case.entity(edge.from),
                edge.kind.as_str(),
                case.entity(edge.to)
            )
        })
        .collect();
    assert_eq!([nodes.join(" "), edges.join(", ")], expected);
}

#[test]
fn a_drawing_has_fields_and_datasets_where_fields_are_unknown() {
    let case = Fielded::new(
        "a -> j -> b; b -> k -> c",
        "a#x => b#u via j; a#status => b#* via j",
    );
    check_drawing(
        &case,
        "b#u",
        &[Direction::Upstream, Direction::Downstream],
        [
            "b#u:0 b#*:0 k:0 a#x:1 a#status:1 c#*:1",
            "a#x -DERIVES> b#u, a#status -DERIVES> b#*, b#* -READS> k, k -WRITES> c#*",
        ],
    );
}

#[test]
fn a_drawing_has_the_edges_between_fields_of_its_roots() {
    let case = Fielded::new(
        "a -> j -> b; b -> k -> c",
        "a#x => b#u via j; b#u => c#t via k",
    );
    let edges = "a#x -DERIVES> b#u, b#u -DERIVES> c#t";
    check_drawing(
        &case,
        "b c",
        &[Direction::Upstream],
        ["b#u:0 b#*:0 c#t:0 c#*:0 a#x:1", edges],
    );
    check_drawing(
        &case,
        "a b",
        &[Direction::Downstream],
        ["a#x:0 a#*:0 b#u:0 b#*:0 c#t:1", edges],
    );
}

#[test]
fn a_drawing_has_the_edges_into_fields_of_a_dataset_that_is_reached_as_a_whole_before() {
    let case = Fielded::new(
        "a -> j -> b; a -> k -> c; c -> m -> b",
        "a#x => c#t via k; c#t => b#u via m",
    );
    check_drawing(
        &case,
        "a#x",
        &[Direction::Downstream],
        [
            "a#x:0 a#*:0 j:0 b#u:1 b#*:1 c#t:1",
            "a#x -DERIVES> c#t, c#t -DERIVES> b#u, a#* -READS> j, j -WRITES> b#*",
        ],
    );
}

/// What may stand in a random graph: kinds, edges between assets, edges between fields.
#[derive(Clone, Debug)]
struct Case {
    kinds: Vec<bool>,
    edges: Vec<(u32, u32, Option<u32>)>,
    field_edges: Vec<(u32, u32, u32, u32, Option<u32>)>,
    removed: Vec<u32>,
}

/// Names that a field may have; the first is the dataset as a whole.
const NAMES: [Option<&str>; 4] = [None, Some("x"), Some("y"), Some("z")];

/// A field as (dataset, place in [`NAMES`]).
type Point = (u32, u32);

impl Case {
    fn count(&self) -> u32 {
        self.kinds.len() as u32
    }

    fn is_job(&self, asset: u32) -> bool {
        self.kinds[asset as usize]
    }

    fn jobs(&self) -> Vec<u32> {
        (0..self.count()).filter(|at| self.is_job(*at)).collect()
    }

    fn job(&self, via: Option<u32>) -> Option<u32> {
        let jobs = self.jobs();
        via.filter(|_| !jobs.is_empty())
            .map(|via| jobs[via as usize % jobs.len()])
    }

    fn asset_edges(&self) -> BTreeSet<(u32, u32, Option<u32>)> {
        let sound = self.edges.iter().map(|(from, to, via)| {
            let (from, to) = (from % self.count(), to % self.count());
            let is_derives = !self.is_job(from) && !self.is_job(to);
            (from, to, self.job(via.filter(|_| is_derives)))
        });
        sound
            .filter(|(from, to, _)| !(self.is_job(*from) && self.is_job(*to)))
            .collect()
    }

    fn field_edges(&self) -> Vec<(Point, Point, Option<u32>)> {
        let datasets: Vec<u32> = (0..self.count()).filter(|at| !self.is_job(*at)).collect();
        if datasets.is_empty() {
            return Vec::new();
        }
        let of = |number: u32| datasets[number as usize % datasets.len()];
        let mut edges: Vec<_> = self
            .field_edges
            .iter()
            .map(|(a, x, b, y, via)| ((of(*a), x % 4), (of(*b), y % 4), self.job(*via)))
            .collect();
        edges.sort_unstable();
        edges.dedup();
        edges
    }

    fn kept_edges(&self) -> Vec<(Point, Point, Option<u32>)> {
        let edges = self.field_edges();
        let gone: BTreeSet<usize> = self
            .removed
            .iter()
            .filter(|_| !edges.is_empty())
            .map(|at| *at as usize % edges.len())
            .collect();
        edges
            .into_iter()
            .enumerate()
            .filter(|(at, _)| !gone.contains(at))
            .map(|(_, edge)| edge)
            .collect()
    }

    fn snapshot(&self, is_packed: bool) -> (Snapshot, BTreeMap<Point, FieldIndex>) {
        let mut delta = Delta::new();
        for at in 0..self.count() {
            let kind = if self.is_job(at) {
                AssetKind::Job
            } else {
                AssetKind::Dataset
            };
            let asset = AssetIndex::new(at);
            delta.add_asset(asset, AssetRow::new(asset, kind, "t://", &format!("n{at}")));
        }
        for (from, to, via) in self.asset_edges() {
            let of = AssetIndex::new;
            delta.add_edge(of(from), of(to), via.map(of));
        }
        let mut numbers: BTreeMap<Point, FieldIndex> = BTreeMap::new();
        let key = |numbers: &BTreeMap<Point, FieldIndex>, edge: &(Point, Point, Option<u32>)| {
            FieldEdgeKey {
                from: numbers[&edge.0],
                to: numbers[&edge.1],
                via: edge.2.map(AssetIndex::new),
            }
        };
        for edge in self.field_edges() {
            for point in [edge.0, edge.1] {
                let next = FieldIndex::new(numbers.len() as u32);
                numbers.entry(point).or_insert_with(|| {
                    delta.add_field(next, AssetIndex::new(point.0), NAMES[point.1 as usize]);
                    next
                });
            }
            delta.add_field_edge(key(&numbers, &edge));
        }
        let mut snapshot = Snapshot::new().apply(&delta).expect("the case is sound");
        if is_packed {
            snapshot = snapshot.compacted();
        }
        let mut delta = Delta::new();
        let kept: BTreeSet<_> = self.kept_edges().into_iter().collect();
        for edge in self.field_edges() {
            if !kept.contains(&edge) {
                delta.remove_field_edge(key(&numbers, &edge));
            }
        }
        (snapshot.apply(&delta).expect("the case is sound"), numbers)
    }

    /// Everything that one step leads to from a field, by the definition.
    fn steps(&self, (dataset, field): Point) -> BTreeSet<Point> {
        let fields = self.kept_edges();
        let all = |dataset: u32| (0..4).map(move |name| (dataset, name));
        let mut found = BTreeSet::new();
        for (from, to, _) in &fields {
            let leaves = from.0 == dataset && (from.1 == field || from.1 == 0 || field == 0);
            if leaves && from != to {
                found.extend(if to.1 == 0 {
                    all(to.0).collect()
                } else {
                    vec![*to]
                });
            }
        }
        let assets = self.asset_edges();
        let has = |from: u32, to: u32, via: &dyn Fn(Option<u32>) -> bool| {
            fields
                .iter()
                .any(|(a, b, by)| a.0 == from && b.0 == to && via(*by))
        };
        let stated =
            |job: u32, to: u32| assets.iter().any(|(_, b, by)| *b == to && *by == Some(job));
        for (from, to, via) in &assets {
            if *from != dataset {
                continue;
            }
            if self.is_job(*to) {
                for (_, output, _) in assets.iter().filter(|(job, _, _)| job == to) {
                    let is_told = stated(*to, *output)
                        || has(dataset, *output, &|by| by.is_none_or(|job| job == *to));
                    if *output != dataset && !is_told {
                        found.extend(all(*output));
                    }
                }
            } else if *to != dataset && !has(dataset, *to, &|by| by == *via || by.is_none()) {
                found.extend(all(*to));
            }
        }
        found
    }

    /// The jobs that a walk upstream names when it leaves a field, by the definition.
    fn jobs_before(&self, (dataset, field): Point) -> BTreeSet<u32> {
        let fields = self.kept_edges();
        let mut found: BTreeSet<u32> = fields
            .iter()
            .filter(|(_, to, _)| to.0 == dataset && (to.1 == field || to.1 == 0 || field == 0))
            .filter_map(|(_, _, via)| *via)
            .collect();
        let assets = self.asset_edges();
        let told = |from: u32, job: u32| {
            fields.iter().any(|(a, b, via)| {
                a.0 == from && b.0 == dataset && via.is_none_or(|via| via == job)
            })
        };
        let writes = assets
            .iter()
            .filter(|(job, to, _)| *to == dataset && self.is_job(*job));
        let derives = assets
            .iter()
            .filter(|(_, to, _)| *to == dataset)
            .filter_map(|(from, _, via)| Some((*from, (*via)?)));
        for (origin, job) in derives.clone() {
            if origin != dataset && !told(origin, job) {
                found.insert(job);
            }
        }
        for (job, _, _) in writes {
            let stated: Vec<u32> = derives
                .clone()
                .filter(|(_, via)| via == job)
                .map(|(origin, _)| origin)
                .collect();
            let origins: Vec<u32> = if stated.is_empty() {
                let read = assets.iter().filter(|(_, to, _)| to == job);
                read.map(|(from, _, _)| *from).collect()
            } else {
                stated
            };
            let (is_told, leads_on) = (
                origins.iter().any(|origin| told(*origin, *job)),
                origins
                    .iter()
                    .any(|origin| *origin != dataset && !told(*origin, *job)),
            );
            if leads_on || !is_told {
                found.insert(*job);
            }
        }
        found
    }

    /// Everything downstream of a field, itself included.
    fn downstream(&self, root: Point) -> BTreeSet<Point> {
        let mut reached = BTreeSet::from([root]);
        let mut waiting = vec![root];
        while let Some(next) = waiting.pop() {
            for to in self.steps(next) {
                if reached.insert(to) {
                    waiting.push(to);
                }
            }
        }
        reached
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let via = || prop::option::weighted(0.6, any::<u32>());
    let edge = (any::<u32>(), any::<u32>(), via());
    let field = (
        any::<u32>(),
        any::<u32>(),
        any::<u32>(),
        any::<u32>(),
        via(),
    );
    (
        prop::collection::vec(prop::bool::weighted(0.3), 1..8),
        prop::collection::vec(edge, 0..14),
        prop::collection::vec(field, 0..16),
        prop::collection::vec(any::<u32>(), 0..4),
    )
        .prop_map(|(kinds, edges, field_edges, removed)| Case {
            kinds,
            edges,
            field_edges,
            removed,
        })
}

/// The jobs that a walk upstream of a field reached.
fn jobs_upstream(
    snapshot: &Snapshot,
    numbers: &BTreeMap<Point, FieldIndex>,
    root: Point,
) -> BTreeSet<u32> {
    let roots = [FieldRoot::Field(
        AssetIndex::new(root.0),
        Some(numbers[&root]),
    )];
    let options = ClosureOptions::default();
    let walk = snapshot.field_closure(&roots, Direction::Upstream, &options, |_| false, |_| false);
    let jobs = walk.entries.iter().filter_map(|entry| match entry.entity {
        Entity::Job(job) => Some(job.get()),
        Entity::Field(_) | Entity::Dataset(_) => None,
    });
    jobs.collect()
}

/// The points that a walk from one field reached, the root included, of those that the graph has.
fn reached(
    snapshot: &Snapshot,
    numbers: &BTreeMap<Point, FieldIndex>,
    root: Point,
    direction: Direction,
) -> BTreeSet<Point> {
    let roots = [FieldRoot::Field(
        AssetIndex::new(root.0),
        Some(numbers[&root]),
    )];
    let options = ClosureOptions::default();
    let closure = snapshot.field_closure(&roots, direction, &options, |_| false, |_| false);
    let mut found = BTreeSet::from([root]);
    for entry in &closure.entries {
        match entry.entity {
            Entity::Dataset(asset) => {
                let all = numbers.keys().filter(|point| point.0 == asset.get());
                found.extend(all);
            }
            Entity::Field(field) => {
                found.extend(
                    numbers
                        .iter()
                        .filter(|(_, at)| **at == field)
                        .map(|(p, _)| *p),
                );
            }
            Entity::Job(_) => {}
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn walks_over_fields_reach_what_the_definition_says(case in cases()) {
        for is_packed in [false, true] {
            let (snapshot, numbers) = case.snapshot(is_packed);
            let named = || numbers.keys().filter(|point| point.1 != 0);
            for root in named() {
                let known = |point: &Point| numbers.contains_key(point) && point.1 != 0;
                let expected: BTreeSet<Point> =
                    case.downstream(*root).into_iter().filter(known).collect();
                let found: BTreeSet<Point> =
                    reached(&snapshot, &numbers, *root, Direction::Downstream)
                        .into_iter()
                        .filter(known)
                        .collect();
                prop_assert_eq!(&found, &expected, "downstream of {:?}", root);
            }
            for root in named() {
                let points = (0..case.count()).flat_map(|at| (1..4).map(move |name| (at, name)));
                let expected: BTreeSet<u32> = points
                    .filter(|point| case.downstream(*point).contains(root))
                    .flat_map(|point| case.jobs_before(point))
                    .collect();
                let found = jobs_upstream(&snapshot, &numbers, *root);
                prop_assert_eq!(&found, &expected, "jobs upstream of {:?}", root);
            }
            // Upstream is downstream seen from the other end.
            for a in named() {
                for b in named() {
                    let down = reached(&snapshot, &numbers, *a, Direction::Downstream);
                    let up = reached(&snapshot, &numbers, *b, Direction::Upstream);
                    prop_assert_eq!(down.contains(b), up.contains(a), "{:?} to {:?}", a, b);
                }
            }
        }
    }

    #[test]
    fn a_file_keeps_the_field_graph(case in cases()) {
        let (snapshot, numbers) = case.snapshot(false);
        let mut bytes = Vec::new();
        snapshot.write_to(7, &mut bytes).expect("memory takes everything");
        let (read, _) = Snapshot::read_bytes(&bytes).expect("it is what was written");
        prop_assert_eq!(read.field_edges_count(), case.kept_edges().len());
        for field in numbers.values() {
            prop_assert_eq!(read.field(*field), snapshot.field(*field));
            let edges = |graph: &Snapshot| {
                graph.field_edges(*field, Direction::Upstream).collect::<Vec<_>>()
            };
            prop_assert_eq!(edges(&read), edges(&snapshot));
        }
    }
}

#[test]
fn a_delta_that_does_not_fit_the_fields_is_refused() {
    let assets = graph("a -> j -> b");
    let snapshot = overlaid(&assets);
    let number = |name| assets.number(name).expect("it is in the graph");
    let check = |delta: &Delta, expected: &str| {
        let error = snapshot.apply(delta).expect_err("the delta does not fit");
        assert_eq!(error.to_string(), expected);
    };
    let first = FieldIndex::new(0);
    let mut delta = Delta::new();
    delta.add_field(FieldIndex::new(1), number("a"), Some("x"));
    check(
        &delta,
        "operation 0 of the delta: field 1 is added where 0 is the next number",
    );
    let mut delta = Delta::new();
    delta.add_field(first, number("j"), Some("x"));
    check(
        &delta,
        "operation 0 of the delta: asset 1 gets a field and is a job",
    );
    let mut delta = Delta::new();
    delta.add_field(first, number("a"), Some("x"));
    delta.add_field_edge(FieldEdgeKey {
        from: first,
        to: FieldIndex::new(3),
        via: None,
    });
    check(
        &delta,
        "operation 1 of the delta: field 3 is not in the graph",
    );
    let mut delta = Delta::new();
    delta.add_field(first, number("a"), Some("x"));
    delta.add_field_edge(FieldEdgeKey {
        from: first,
        to: first,
        via: Some(number("b")),
    });
    check(
        &delta,
        "operation 1 of the delta: an edge between fields cannot be via 2, which is no job",
    );
}
