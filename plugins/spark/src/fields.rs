//! Which fields come from which, by the ids that expressions of a plan carry.

use std::collections::{BTreeMap, BTreeSet};

use crate::naming::{Naming, Table};
use crate::plan::{self, Detail};
use crate::relations;

/// Steps in following one field back.
const STEPS_MAX: usize = 10_000;

/// How a value goes on, from what changes nothing to what changes most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum How {
    Identity,
    Transformation,
    Aggregation,
    Window,
    Filter,
    Join,
    GroupBy,
}

impl How {
    /// Whether it is direct, and its subtype.
    pub(crate) fn named(self) -> (bool, &'static str) {
        match self {
            Self::Identity => (true, "IDENTITY"),
            Self::Transformation => (true, "TRANSFORMATION"),
            Self::Aggregation => (true, "AGGREGATION"),
            Self::Window => (false, "WINDOW"),
            Self::Filter => (false, "FILTER"),
            Self::Join => (false, "JOIN"),
            Self::GroupBy => (false, "GROUP_BY"),
        }
    }
}

/// A field of a dataset.
pub(crate) type Field = (Table, String);

/// The fields of what one plan writes.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// From, to (none: all rows), how.
    pub(crate) links: BTreeSet<(Field, Option<String>, How)>,
    /// True if what is written is not known in full.
    pub(crate) is_cut: bool,
}

/// Names that aggregate, as plans write them.
const AGGREGATES: &[&str] = &[
    "sum(",
    "avg(",
    "min(",
    "max(",
    "count(",
    "first(",
    "last(",
    "collect_list(",
    "collect_set(",
    "approx_",
    "stddev",
    "variance(",
    "percentile",
    "mode(",
    "max_by(",
    "min_by(",
    "any_value(",
];

/// Functions that only the order of rows decides.
const RANKS: &[&str] = &[
    "rank(",
    "dense_rank(",
    "percent_rank(",
    "cume_dist(",
    "row_number(",
    "ntile(",
];

/// Where each id comes from.
#[derive(Default)]
struct Ids {
    sources: BTreeMap<u64, BTreeSet<Field>>,
    made: BTreeMap<u64, BTreeSet<(u64, How)>>,
}

/// The fields of what is written, if the plan tells them.
pub(crate) fn fields(
    details: &BTreeMap<usize, Detail>,
    columns: Option<&[String]>,
    naming: &Naming,
) -> Fields {
    let mut fields = Fields::default();
    let mut ids = Ids::default();
    for (number, detail) in details {
        ids.source(detail, naming, &mut fields.is_cut);
        ids.made(detail, &mut fields.is_cut);
        if detail.name == "Union" {
            ids.union(*number, details);
        }
    }
    let Some(written) = written(details) else {
        return fields;
    };
    for (position, attribute) in written.iter().enumerate() {
        let Some((name, id)) = reference(attribute) else {
            fields.is_cut = true;
            break;
        };
        let name = match columns {
            Some(columns) => columns.get(position).map(String::as_str),
            None => Some(name),
        };
        let Some(name) = name else { break };
        for (from, how) in ids.resolve(id) {
            fields.links.insert((from, Some(name.to_owned()), how));
        }
    }
    for detail in details.values() {
        for (key, how) in [
            ("Condition", How::Filter),
            ("Left keys", How::Join),
            ("Right keys", How::Join),
            ("Join condition", How::Join),
            ("Keys", How::GroupBy),
        ] {
            for id in detail.get(key).map(references).unwrap_or_default() {
                for (from, _) in ids.resolve(id) {
                    fields.links.insert((from, None, how));
                }
            }
        }
    }
    fields
}

/// What the plan's command is given to write.
fn written(details: &BTreeMap<usize, Detail>) -> Option<Vec<&str>> {
    let is_write = |detail: &&Detail| {
        detail.name == "WriteFiles"
            || detail.name.starts_with("Execute InsertInto")
            || matches!(
                detail.name.as_str(),
                "AppendData" | "OverwriteByExpression" | "OverwritePartitionsDynamic"
            )
    };
    let given = |detail: &'_ Detail| {
        let input = detail
            .get("Input")
            .map(plan::list)
            .unwrap_or_default()
            .0
            .len();
        input > 0
    };
    let writes: Vec<&Detail> = details.values().filter(is_write).collect();
    let with_input = writes.iter().find(|detail| given(detail));
    if let Some(detail) = with_input {
        return detail.get("Input").map(|input| plan::list(input).0);
    }
    let below = writes.first()?.below.first()?;
    Some(outputs(*below, details, 0))
}

/// What an operator puts out.
fn outputs(number: usize, details: &BTreeMap<usize, Detail>, depth: usize) -> Vec<&str> {
    const DEPTH_MAX: usize = 128;
    let Some(detail) = details.get(&number).filter(|_| depth < DEPTH_MAX) else {
        return Vec::new();
    };
    for key in ["Output", "Results", "Input"] {
        if let Some(list) = detail.get(key) {
            let items = plan::list(list).0;
            if !items.is_empty() {
                return items;
            }
        }
    }
    let is_half = detail
        .get("Join type")
        .is_some_and(|kind| kind == "LeftSemi" || kind == "LeftAnti");
    let below = detail.below.iter();
    let below = below.take(if is_half || detail.name == "Union" {
        1
    } else {
        usize::MAX
    });
    below
        .flat_map(|child| outputs(*child, details, depth + 1))
        .collect()
}

impl Ids {
    fn source(&mut self, detail: &Detail, naming: &Naming, is_cut: &mut bool) {
        let all: Vec<&str> = detail
            .said
            .iter()
            .map(|(_, value)| value.as_str())
            .collect();
        let said = all.join(" ");
        let Some(relation) = relations::read(&detail.name, &said, detail.get("Location"), naming)
        else {
            return;
        };
        let (items, is_short) = detail.get("Output").map(plan::list).unwrap_or_default();
        *is_cut |= is_short;
        for item in items {
            let Some((name, id)) = reference(item) else {
                continue;
            };
            let fields = relation
                .tables
                .iter()
                .map(|table| (table.clone(), name.to_owned()));
            self.sources.entry(id).or_default().extend(fields);
        }
    }

    /// Ids that an operator makes: `sum(a#1) AS b#2`, and what functions of an aggregate are called.
    fn made(&mut self, detail: &Detail, is_cut: &mut bool) {
        for (key, value) in &detail.said {
            let lists: Vec<&str> = match key.as_str() {
                "Output" | "Results" => vec![value],
                "Arguments" => plan::split(value),
                _ => continue,
            };
            for text in lists {
                let (items, is_short) = plan::list(text);
                *is_cut |= is_short && key != "Arguments";
                for item in items {
                    if let Some((expression, name)) = item.rsplit_once(" AS ")
                        && let Some((_, id)) = reference(name)
                    {
                        self.add(id, expression);
                    }
                }
            }
        }
        let functions = detail
            .get("Functions")
            .map(plan::list)
            .unwrap_or_default()
            .0;
        let attributes = detail
            .get("Aggregate Attributes")
            .map(plan::list)
            .unwrap_or_default()
            .0;
        if functions.len() == attributes.len() {
            for (function, attribute) in functions.iter().zip(attributes) {
                if let Some((_, id)) = reference(attribute) {
                    self.add(id, function);
                }
            }
        }
        if detail.name == "Generate" || detail.name.starts_with("Generate ") {
            let arguments = detail.get("Arguments").map(plan::split).unwrap_or_default();
            if let (Some(generator), Some(made)) = (arguments.first(), arguments.last()) {
                for item in plan::list(made).0 {
                    if let Some((_, id)) = reference(item) {
                        self.add(id, generator);
                    }
                }
            }
        }
    }

    /// The ids of a union are those of its first branch; values come from all branches, by position.
    fn union(&mut self, number: usize, details: &BTreeMap<usize, Detail>) {
        let branches = details[&number].below.iter();
        let mut branches = branches.map(|branch| outputs(*branch, details, 0));
        let Some(first) = branches.next() else { return };
        for branch in branches {
            for (own, other) in first.iter().zip(branch) {
                if let (Some((_, own)), Some((_, other))) = (named(own), named(other))
                    && own != other
                {
                    self.made
                        .entry(own)
                        .or_default()
                        .insert((other, How::Identity));
                }
            }
        }
    }

    fn add(&mut self, id: u64, expression: &str) {
        let (value, window) = match expression.find("windowspecdefinition(") {
            Some(at) => expression.split_at(at),
            None => (expression, ""),
        };
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_aggregate = AGGREGATES.iter().any(|name| {
            value.match_indices(name).any(|(at, _)| {
                let before = value[..at].strip_suffix("partial_").unwrap_or(&value[..at]);
                !before.ends_with(is_word)
            })
        });
        // What is ranked by is no part of the rank.
        let is_rank = !window.is_empty() && RANKS.iter().any(|name| value.starts_with(name));
        let how = if is_rank {
            How::Window
        } else if reference(value).is_some_and(|(name, _)| !name.starts_with(['-', '~', '!', '(']))
        {
            How::Identity
        } else if is_aggregate {
            How::Aggregation
        } else {
            How::Transformation
        };
        let made = self.made.entry(id).or_default();
        let direct = references(value).into_iter().map(|from| (from, how));
        let indirect = references(window)
            .into_iter()
            .map(|from| (from, How::Window));
        made.extend(direct.chain(indirect).filter(|(from, _)| *from != id));
    }

    /// The fields that an id comes from.
    fn resolve(&self, id: u64) -> BTreeSet<(Field, How)> {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![(id, How::Identity)];
        while let Some((id, how)) = open.pop() {
            if seen.len() >= STEPS_MAX || !seen.insert((id, how)) {
                continue;
            }
            let sources = self.sources.get(&id).into_iter().flatten();
            found.extend(sources.map(|field| (field.clone(), how)));
            let made = self.made.get(&id).into_iter().flatten();
            open.extend(made.map(|(from, step)| (*from, how.max(*step))));
        }
        found
    }
}

/// Name and id of what an item of a list is called, be it made there or not.
fn named(item: &str) -> Option<(&str, u64)> {
    reference(item.rsplit_once(" AS ").map_or(item, |(_, name)| name))
}

/// `amount#17L`, or `sum(a#1)#2`: the name and the id of all of it.
fn reference(text: &str) -> Option<(&str, u64)> {
    let (name, id) = text.trim().rsplit_once('#')?;
    let id = id.strip_suffix('L').unwrap_or(id);
    let is_one = !name.is_empty() && (!name.contains('#') || name.ends_with(')'));
    Some((name, id.parse().ok()?)).filter(|_| is_one)
}

/// The ids in an expression. What has an id as a whole, `sum(a#1)#2`, is that id.
fn references(text: &str) -> Vec<u64> {
    let (mut ids, mut open): (Vec<u64>, Vec<usize>) = (Vec::new(), Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '(' => open.push(ids.len()),
            ')' => {
                let from = open.pop().unwrap_or(0);
                if text[at + 1..].starts_with('#') {
                    ids.truncate(from);
                }
            }
            '#' => {
                let digits = text[at + 1..].split(|c: char| !c.is_ascii_digit()).next();
                ids.extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
            }
            _ => {}
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let details = plan::details(text);
        let links = fields(&details, None, &Naming::default()).links;
        let shown: Vec<String> = links
            .iter()
            .map(|((table, field), to, how)| {
                let to = to.as_deref().unwrap_or("*");
                format!("{}.{field} -> {to} {}", table.name, how.named().1)
            })
            .collect();
        assert_eq!(shown, expected, "{text}");
    }

    const SCANS: &str = "(1) Scan csv \nOutput [2]: [a#1, b#2L]\nLocation: InMemoryFileIndex [file:/x]\n\n\
                         (2) Scan csv \nOutput [2]: [c#3, d#4]\nLocation: InMemoryFileIndex [file:/y]\n\n";

    #[test]
    fn aggregates_and_windows_are_told_apart() {
        check(
            &format!(
                "{SCANS}(3) HashAggregate\nKeys [1]: [a#1]\nFunctions [1]: [sum(b#2L)]\nAggregate Attributes [1]: [sum(b#2L)#9L]\n\
                 Results [2]: [a#1, sum(b#2L)#9L AS s#10L]\n\n(4) Window\nArguments: [rank(s#10L) windowspecdefinition(s#10L DESC NULLS LAST) AS r#11], [s#10L DESC]\n\n\
                 (5) WriteFiles\nInput [3]: [a#1, s#10L, r#11]\n"
            ),
            &[
                "/x.a -> * GROUP_BY",
                "/x.a -> a IDENTITY",
                "/x.b -> r WINDOW",
                "/x.b -> s AGGREGATION",
            ],
        );
    }

    #[test]
    fn a_union_takes_from_all_branches() {
        check(
            &format!(
                "WriteFiles (4)\n+- Union (3)\n   :- Scan csv  (1)\n   +- Scan csv  (2)\n\n\n{SCANS}(3) Union\n\n(4) WriteFiles\nInput [2]: [a#1, b#2L]\n"
            ),
            &[
                "/x.a -> a IDENTITY",
                "/x.b -> b IDENTITY",
                "/y.c -> a IDENTITY",
                "/y.d -> b IDENTITY",
            ],
        );
    }
}
