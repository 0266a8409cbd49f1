//! Plans: the tree that Spark's interface shows, and the text of `EXPLAIN FORMATTED`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// How deep a tree is read: each level reads what is below it once more.
const DEPTH_MAX: usize = 256;
/// Operators of one plan.
const NODES_MAX: usize = 20_000;

/// Digits of an operator's number.
const DIGITS_MAX: usize = 9;

/// One operator of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) name: String,
    pub(crate) simple: String,
    pub(crate) location: Option<String>,
}

#[derive(Deserialize)]
struct Info<'t> {
    #[serde(rename = "nodeName")]
    name: String,
    #[serde(rename = "simpleString", default)]
    simple: String,
    #[serde(borrow, default)]
    children: Vec<&'t RawValue>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

/// The operators of a tree, outermost first; and whether there are more than are read.
pub(crate) fn operators(tree: &str) -> (Vec<Operator>, bool) {
    let (mut operators, mut is_cut) = (Vec::new(), false);
    let mut open: Vec<(usize, &str)> = vec![(0, tree)];
    while let Some((depth, text)) = open.pop() {
        if text.is_empty() {
            continue;
        }
        let Ok(mut info) = serde_json::from_str::<Info>(text) else {
            is_cut = true;
            continue;
        };
        if depth >= DEPTH_MAX || operators.len() >= NODES_MAX {
            is_cut = true;
            continue;
        }
        let children = info.children.iter().rev();
        open.extend(children.map(|child| (depth + 1, child.get())));
        operators.push(Operator {
            name: info.name.trim().to_owned(),
            simple: info.simple,
            location: info.metadata.remove("Location"),
        });
    }
    (operators, is_cut)
}

/// One operator of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Detail {
    pub(crate) name: String,
    /// What is written about it, by key, in order.
    pub(crate) said: Vec<(String, String)>,
    /// The numbers of the operators below it.
    pub(crate) below: Vec<usize>,
}

impl Detail {
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let found = self.said.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }
}

/// The operators of a formatted plan, by number; none of a plan in another format.
pub(crate) fn details(text: &str) -> BTreeMap<usize, Detail> {
    let mut details: BTreeMap<usize, Detail> = BTreeMap::new();
    let mut current = None;
    let (mut above, mut is_initial): (Vec<(usize, usize)>, bool) = (Vec::new(), false);
    for line in text.lines() {
        if line.trim().is_empty() {
            current = None;
            above.clear();
            is_initial = false;
        } else if let Some((number, name)) = head(line) {
            if details.len() >= NODES_MAX {
                break;
            }
            name.clone_into(&mut details.entry(number).or_default().name);
            current = Some(number);
        } else if let Some(number) = current {
            let (key, value) = line.split_once(':').unwrap_or((line, ""));
            // `Output [3]`: how many there are.
            let key = key.split('[').next().unwrap_or_default().trim();
            let said = (key.to_owned(), value.trim().to_owned());
            details.entry(number).or_default().said.push(said);
        } else if line.contains("== Initial Plan ==") {
            is_initial = true;
        } else if !is_initial && let Some((column, number)) = branch(line) {
            while above.last().is_some_and(|(other, _)| *other >= column) {
                above.pop();
            }
            if let Some((_, parent)) = above.last() {
                details.entry(*parent).or_default().below.push(number);
            }
            above.push((column, number));
        }
    }
    details
}

/// `(3) Scan parquet  [codegen id : 1]`.
fn head(line: &str) -> Option<(usize, &str)> {
    let (number, name) = line.strip_prefix('(')?.split_once(") ")?;
    let name = name.split(" [codegen id").next().unwrap_or_default();
    Some((number.parse().ok()?, name.trim()))
}

/// `   :  +- * Filter (2)`: the column where the operator begins, and its number.
fn branch(line: &str) -> Option<(usize, usize)> {
    let column = line.find(|c: char| !matches!(c, ' ' | ':' | '+' | '-'))?;
    // The number is the last one in brackets that is not an argument of something.
    let number = line.rmatch_indices('(').find_map(|(at, _)| {
        let rest = &line[at + 1..];
        let digits = rest
            .bytes()
            .take(DIGITS_MAX)
            .take_while(u8::is_ascii_digit)
            .count();
        rest[digits..]
            .starts_with(')')
            .then(|| rest[..digits].parse().ok())?
    })?;
    Some((column, number))
}

/// The items of a list in brackets, split at commas that stand in no brackets; and whether some are left out.
pub(crate) fn list(text: &str) -> (Vec<&str>, bool) {
    let text = text.trim();
    let inner = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let mut items = split(inner.unwrap_or_default());
    let is_cut = items.last().is_some_and(|last| last.starts_with("... "));
    if is_cut {
        items.pop();
    }
    (items, is_cut)
}

/// Parts between commas that stand in no brackets.
pub(crate) fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    let last = text[from..].trim();
    if !last.is_empty() {
        parts.push(last);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formatted_plan_is_taken_apart() {
        let text = "== Physical Plan ==\nSortMergeJoin Inner (3)\n:- * Filter (1)\n+- Scan csv  (2)\n\n\n\
                    (1) Filter [codegen id : 1]\nInput [1]: [a#1L]\nCondition : (a#1L > 0)\n\n(2) Scan csv \nOutput [1]: [b#2]\n\n(3) SortMergeJoin\nLeft keys [1]: [a#1L]\n";
        let details = details(text);
        assert_eq!(details[&3].below, [1, 2]);
        assert_eq!(details[&1].get("Condition"), Some("(a#1L > 0)"));
        assert_eq!(details[&2].name, "Scan csv");
        assert_eq!(details[&3].get("Left keys"), Some("[a#1L]"));
    }

    #[test]
    fn lists_are_split_outside_of_brackets() {
        assert_eq!(
            list("[a#1, f(b#2, c#3) AS d#4]"),
            (vec!["a#1", "f(b#2, c#3) AS d#4"], false)
        );
        assert_eq!(list("[a#1, ... 2 more fields]"), (vec!["a#1"], true));
        assert_eq!(list("[]"), (vec![], false));
    }
}
