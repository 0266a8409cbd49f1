//! The data mesh as its operators describe it: domains, and what each claims.

use std::collections::BTreeMap;
use std::fmt;

use crate::{Cadence, DomainName, IdentityRules, SourceKey, Text};

/// A glob over `<namespace>/<name>` of datasets, or over namespaces of jobs.
///
/// `*` matches any run of characters, slashes too; `?` one character; `[…]` a class; `{a,b}` alternatives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Text);

impl Pattern {
    /// The longest pattern, in bytes.
    pub const BYTES_MAX: usize = 3200;

    /// Takes a pattern; whether it is a well-formed glob is checked where globs are known.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first character with a meaning: the longer it is, the stronger the claim.
    pub fn literal_prefix(&self) -> &str {
        let end = self
            .0
            .find(['*', '?', '[', '{', '\\'])
            .unwrap_or(self.0.len());
        &self.0[..end]
    }

    /// True if it matches one text only.
    pub fn is_literal(&self) -> bool {
        self.literal_prefix().len() == self.0.len()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which list of a domain a pattern stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Patterns {
    /// `datasets`
    Datasets,
    /// `job_namespaces`
    JobNamespaces,
}

impl Patterns {
    /// The key in the mesh file.
    pub fn key(self) -> &'static str {
        match self {
            Self::Datasets => "datasets",
            Self::JobNamespaces => "job_namespaces",
        }
    }
}

/// One domain as the mesh file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainSpec {
    /// Its name.
    pub name: DomainName,
    /// For a person to read.
    pub description: Option<Text>,
    /// Who owns it.
    pub owners: Vec<Text>,
    /// Datasets that it claims.
    pub datasets: Vec<Pattern>,
    /// Namespaces of jobs that it claims.
    pub job_namespaces: Vec<Pattern>,
}

impl DomainSpec {
    /// One of its two lists of patterns.
    pub fn patterns(&self, which: Patterns) -> &[Pattern] {
        match which {
            Patterns::Datasets => &self.datasets,
            Patterns::JobNamespaces => &self.job_namespaces,
        }
    }
}

/// Why domains make no mesh; the positions let a reader of the file name the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MeshError {
    /// Two domains with one name.
    #[error("domain {name} is described twice")]
    DomainTwice {
        /// The name.
        name: DomainName,
        /// Position of the second.
        domain: usize,
    },
    /// The name is kept for what no domain claims.
    #[error("domain unassigned can't be described: it is what no domain claims")]
    Reserved {
        /// Position of the domain.
        domain: usize,
    },
    /// Two patterns with equal claims.
    #[error(
        "{key} of domain {name} has {pattern:?}, which claims as strongly as {other_pattern:?} of domain {other}: both begin with {prefix:?}",
        key = list.key(), pattern = pattern.as_str(), other_pattern = other_pattern.as_str()
    )]
    Tie {
        /// The list it stands in.
        list: Patterns,
        /// Position of the second domain.
        domain: usize,
        /// Position of the pattern in its list.
        pattern_at: usize,
        /// The second domain.
        name: DomainName,
        /// The pattern.
        pattern: Pattern,
        /// The first domain.
        other: DomainName,
        /// Its pattern.
        other_pattern: Pattern,
        /// What both begin with.
        prefix: String,
    },
    /// `keep_runs` is out of range.
    #[error("keep_runs is {found}, must be from 1 to {max}")]
    KeepRuns {
        /// What was found.
        found: u32,
        /// The most that can be kept.
        max: u32,
    },
}

/// The mesh: domains, how many runs of a job speak for it, how often sources promise to submit, and which names its
/// operators say to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mesh {
    keep_runs: u32,
    domains: Vec<DomainSpec>,
    cadences: BTreeMap<SourceKey, Cadence>,
    identity: Option<IdentityRules>,
}

impl Mesh {
    /// How many completed runs of a job speak for it where the mesh file doesn't say.
    pub const KEEP_RUNS_DEFAULT: u32 = 10;
    /// The most runs that can be kept.
    pub const KEEP_RUNS_MAX: u32 = 1000;
    /// The name of what no domain claims.
    pub const UNASSIGNED: &str = "unassigned";

    /// Takes domains that do not contradict each other.
    ///
    /// # Errors
    /// [`MeshError`] names the domain and the rule.
    pub fn new(keep_runs: u32, domains: Vec<DomainSpec>) -> Result<Self, MeshError> {
        if keep_runs == 0 || keep_runs > Self::KEEP_RUNS_MAX {
            return Err(MeshError::KeepRuns {
                found: keep_runs,
                max: Self::KEEP_RUNS_MAX,
            });
        }
        let mut names = BTreeMap::new();
        for (at, domain) in domains.iter().enumerate() {
            if domain.name.as_str() == Self::UNASSIGNED {
                return Err(MeshError::Reserved { domain: at });
            }
            if names.insert(&domain.name, at).is_some() {
                return Err(MeshError::DomainTwice {
                    name: domain.name.clone(),
                    domain: at,
                });
            }
        }
        for list in [Patterns::Datasets, Patterns::JobNamespaces] {
            refuse_ties(&domains, list)?;
        }
        Ok(Self {
            keep_runs,
            domains,
            cadences: BTreeMap::new(),
            identity: None,
        })
    }

    /// The same mesh with these rules of identity; none leaves those that hold as they are.
    #[must_use]
    pub fn with_identity(mut self, identity: Option<IdentityRules>) -> Self {
        self.identity = identity;
        self
    }

    /// The same mesh where sources promise to submit that often.
    #[must_use]
    pub fn with_cadences(mut self, cadences: BTreeMap<SourceKey, Cadence>) -> Self {
        self.cadences = cadences;
        self
    }

    /// How often sources promise to submit, of those that do.
    pub fn cadences(&self) -> &BTreeMap<SourceKey, Cadence> {
        &self.cadences
    }

    /// The operators' rules of identity; none if the mesh file says nothing of them.
    pub fn identity(&self) -> Option<&IdentityRules> {
        self.identity.as_ref()
    }

    /// How many completed runs of a job speak for it.
    pub fn keep_runs(&self) -> u32 {
        self.keep_runs
    }

    /// The domains, in the file's order.
    pub fn domains(&self) -> &[DomainSpec] {
        &self.domains
    }
}

impl Default for Mesh {
    fn default() -> Self {
        Self {
            keep_runs: Self::KEEP_RUNS_DEFAULT,
            domains: Vec::new(),
            cadences: BTreeMap::new(),
            identity: None,
        }
    }
}

/// Two patterns of different domains tie if their literal prefixes are equal, unless one of them matches a single
/// text: that one is more exact.
fn refuse_ties(domains: &[DomainSpec], list: Patterns) -> Result<(), MeshError> {
    let mut seen: BTreeMap<(&str, bool), (usize, &Pattern)> = BTreeMap::new();
    for (at, domain) in domains.iter().enumerate() {
        for (pattern_at, pattern) in domain.patterns(list).iter().enumerate() {
            let claim = (pattern.literal_prefix(), pattern.is_literal());
            let (other_at, other_pattern) = *seen.entry(claim).or_insert((at, pattern));
            if other_at != at {
                return Err(MeshError::Tie {
                    list,
                    domain: at,
                    pattern_at,
                    name: domain.name.clone(),
                    pattern: pattern.clone(),
                    other: domains[other_at].name.clone(),
                    other_pattern: other_pattern.clone(),
                    prefix: claim.0.to_owned(),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(name: &str, datasets: &[&str]) -> DomainSpec {
        DomainSpec {
            name: DomainName::parse(name).expect("a name"),
            description: None,
            owners: Vec::new(),
            datasets: datasets.iter().map(|text| Pattern::new(text)).collect(),
            job_namespaces: Vec::new(),
        }
    }

    #[test]
    fn equal_claims_of_two_domains_are_refused() {
        let mesh = Mesh::new(
            10,
            vec![domain("a", &["x/a.*"]), domain("b", &["x/b.*", "x/a.*z"])],
        );
        let error = mesh.expect_err("a tie");
        assert!(matches!(
            error,
            MeshError::Tie {
                domain: 1,
                pattern_at: 1,
                ..
            }
        ));
        assert!(error.to_string().contains("\"x/a.*z\""), "{error}");
    }

    #[test]
    fn a_longer_prefix_or_an_exact_name_is_no_tie() {
        let domains = vec![domain("a", &["x/*", "x/a"]), domain("b", &["x/b*", "x/a*"])];
        assert!(Mesh::new(10, domains).is_ok());
    }

    #[test]
    fn a_domain_is_described_once_and_never_unassigned() {
        assert!(matches!(
            Mesh::new(10, vec![domain("a", &[]), domain("a", &[])]),
            Err(MeshError::DomainTwice { domain: 1, .. })
        ));
        assert!(matches!(
            Mesh::new(10, vec![domain("unassigned", &[])]),
            Err(MeshError::Reserved { domain: 0 })
        ));
        assert!(matches!(
            Mesh::new(0, vec![]),
            Err(MeshError::KeepRuns { found: 0, .. })
        ));
    }
}
