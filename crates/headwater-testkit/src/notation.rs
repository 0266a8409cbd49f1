//! Graphs as one line of text.

use std::collections::BTreeMap;

use headwater_model::{AssetIndex, AssetKind};

use crate::naive::NaiveGraph;

/// What is wrong with a graph in notation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotationError {
    /// The statement, as it stands in the text.
    pub statement: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

impl std::fmt::Display for NotationError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "graph notation: {:?}: {}", self.statement, self.rule)
    }
}

impl std::error::Error for NotationError {}

/// The graph that `text` describes, for tests that know their text to be right.
pub fn graph(text: &str) -> NaiveGraph {
    parse_graph(text).expect("the test's graph notation is right")
}

/// Reads a graph in notation: statements between semicolons, assets numbered as they first appear.
///
/// - `a, b -> job -> c, d`: the job reads `a` and `b` and writes `c` and `d`; either side may be empty.
/// - `a, b => c, d via job`: `c` and `d` each derive from `a` and from `b`; `via job` may be left out.
/// - `first ~> second`: the second job follows the first.
/// - `a, b`: the datasets exist.
///
/// # Errors
/// [`NotationError`] names the statement and the rule.
pub fn parse_graph(text: &str) -> Result<NaiveGraph, NotationError> {
    let mut reader = Reader::default();
    for statement in text
        .split(';')
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
    {
        reader.read(statement).map_err(|rule| NotationError {
            statement: statement.to_owned(),
            rule,
        })?;
    }
    Ok(reader.graph)
}

#[derive(Default)]
struct Reader {
    graph: NaiveGraph,
    numbers: BTreeMap<String, AssetIndex>,
}

impl Reader {
    fn read(&mut self, statement: &str) -> Result<(), &'static str> {
        if let Some((from, to)) = statement.split_once("=>") {
            let (to, via) = match to.split_once(" via ") {
                Some((to, via)) => (to, Some(self.asset(via, AssetKind::Job)?)),
                None => (to, None),
            };
            let (from, to) = (self.datasets(from)?, self.datasets(to)?);
            self.add_all(&from, &to, via);
        } else if let Some((first, second)) = statement.split_once("~>") {
            let first = self.asset(first, AssetKind::Job)?;
            let second = self.asset(second, AssetKind::Job)?;
            self.graph.add_edge(first, second, None);
        } else if statement.contains("->") {
            let parts: Vec<&str> = statement.split("->").collect();
            let [inputs, job, outputs] = parts[..] else {
                return Err("inputs -> job -> outputs has two arrows");
            };
            let inputs = self.datasets(inputs)?;
            let job = self.asset(job, AssetKind::Job)?;
            let outputs = self.datasets(outputs)?;
            self.add_all(&inputs, &[job], None);
            self.add_all(&[job], &outputs, None);
        } else {
            self.datasets(statement)?;
        }
        Ok(())
    }

    fn add_all(&mut self, from: &[AssetIndex], to: &[AssetIndex], via: Option<AssetIndex>) {
        for (from, to) in from
            .iter()
            .flat_map(|from| to.iter().map(move |to| (*from, *to)))
        {
            self.graph.add_edge(from, to, via);
        }
    }

    fn datasets(&mut self, names: &str) -> Result<Vec<AssetIndex>, &'static str> {
        if names.trim().is_empty() {
            return Ok(Vec::new());
        }
        names
            .split(',')
            .map(|name| self.asset(name, AssetKind::Dataset))
            .collect()
    }

    fn asset(&mut self, name: &str, kind: AssetKind) -> Result<AssetIndex, &'static str> {
        let name = name.trim();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err("a name has letters, digits, and . _ / - only");
        }
        let asset = match self.numbers.get(name) {
            Some(asset) => *asset,
            None => self.graph.add_asset(name, kind),
        };
        self.numbers.insert(name.to_owned(), asset);
        if self.graph.kind(asset) == Some(kind) {
            Ok(asset)
        } else {
            Err("a name is either a dataset or a job")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let answer = match parse_graph(text) {
            Ok(graph) => graph.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(answer, expected);
    }

    #[test]
    fn a_job_reads_and_writes() {
        check("raw -> load -> a, b", "load -> a; load -> b; raw -> load");
    }

    #[test]
    fn a_derivation_may_name_its_job() {
        check("a => b via j; a => c", "a => b via j; a => c");
    }

    #[test]
    fn a_job_follows_a_job() {
        check("first ~> second", "first ~> second");
    }

    #[test]
    fn either_side_of_a_job_may_be_empty() {
        check("-> j -> a; a -> k ->", "a -> k; j -> a");
    }

    #[test]
    fn a_name_is_not_both_a_dataset_and_a_job() {
        check(
            "a -> b -> c; b => c",
            "graph notation: \"b => c\": a name is either a dataset or a job",
        );
    }

    #[test]
    fn one_arrow_is_not_enough() {
        check(
            "a -> b",
            "graph notation: \"a -> b\": inputs -> job -> outputs has two arrows",
        );
    }

    #[test]
    fn a_name_without_letters_is_refused() {
        check(
            "a, , b",
            "graph notation: \"a, , b\": a name has letters, digits, and . _ / - only",
        );
    }
}
