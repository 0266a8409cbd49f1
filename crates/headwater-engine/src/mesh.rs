//! Which domain claims a name.

use globset::{Glob, GlobMatcher};
use headwater_identity::{Resolver, RuleError};
use headwater_model::{AssetKind, IdentityRules, Mesh, Patterns, QualifiedName};

/// Why a mesh can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{key} of domain {domain} has {pattern:?}, which is no glob: {reason}")]
pub struct PatternError {
    /// The list it stands in.
    pub key: &'static str,
    /// The domain's name.
    pub domain: String,
    /// Position of the domain in the mesh.
    pub domain_at: usize,
    /// Position of the pattern in its list.
    pub pattern_at: usize,
    /// The pattern.
    pub pattern: String,
    /// What the glob's reader says.
    pub reason: String,
}

/// A mesh whose patterns are ready to match.
pub(crate) struct Claimants {
    mesh: Mesh,
    datasets: Vec<Claimant>,
    job_namespaces: Vec<Claimant>,
}

struct Claimant {
    domain: usize,
    literal_prefix: String,
    matcher: GlobMatcher,
}

impl Claimants {
    /// # Errors
    /// [`PatternError`] names the first pattern that is no glob.
    pub(crate) fn new(mesh: Mesh) -> Result<Self, PatternError> {
        Ok(Self {
            datasets: compile(&mesh, Patterns::Datasets)?,
            job_namespaces: compile(&mesh, Patterns::JobNamespaces)?,
            mesh,
        })
    }

    pub(crate) fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// The domain whose pattern claims that asset most exactly.
    pub(crate) fn domain_of(&self, kind: AssetKind, namespace: &str, name: &str) -> Option<&str> {
        match kind {
            AssetKind::Dataset => self.claim(&self.datasets, &format!("{namespace}/{name}")),
            AssetKind::Job => self.claim(&self.job_namespaces, namespace),
        }
    }

    /// The domain whose pattern claims that dataset.
    pub(crate) fn domain_of_dataset(&self, name: &QualifiedName) -> Option<&str> {
        self.domain_of(
            AssetKind::Dataset,
            name.namespace.as_str(),
            name.name.as_str(),
        )
    }

    /// The domain whose pattern claims jobs of that namespace.
    pub(crate) fn domain_of_job(&self, job: &QualifiedName) -> Option<&str> {
        self.claim(&self.job_namespaces, job.namespace.as_str())
    }

    fn claim(&self, claimants: &[Claimant], text: &str) -> Option<&str> {
        let strongest = claimants
            .iter()
            .find(|c| text.starts_with(&c.literal_prefix) && c.matcher.is_match(text))?;
        Some(self.mesh.domains()[strongest.domain].name.as_str())
    }
}

/// Patterns with the longest literal prefix first; one that matches a single text before a glob of that prefix.
fn compile(mesh: &Mesh, list: Patterns) -> Result<Vec<Claimant>, PatternError> {
    let mut claimants = Vec::new();
    for (domain_at, domain) in mesh.domains().iter().enumerate() {
        for (pattern_at, pattern) in domain.patterns(list).iter().enumerate() {
            let glob = Glob::new(pattern.as_str()).map_err(|error| PatternError {
                key: list.key(),
                domain: domain.name.to_string(),
                domain_at,
                pattern_at,
                pattern: pattern.to_string(),
                reason: error.kind().to_string(),
            })?;
            let claimant = Claimant {
                domain: domain_at,
                literal_prefix: pattern.literal_prefix().to_owned(),
                matcher: glob.compile_matcher(),
            };
            claimants.push((pattern.is_literal(), claimant));
        }
    }
    claimants
        .sort_by_key(|(is_literal, c)| (std::cmp::Reverse(c.literal_prefix.len()), !is_literal));
    Ok(claimants
        .into_iter()
        .map(|(_, claimant)| claimant)
        .collect())
}

/// Checks that operators' rules of identity can be used.
///
/// # Errors
/// [`RuleError`] names the first one that can't.
pub fn check_identity(rules: &IdentityRules) -> Result<(), RuleError> {
    // Rules that hold already are not judged anew: only those that are to hold are.
    Resolver::new(rules)?.check_hosts()
}

/// Checks that every pattern of a mesh is a glob.
///
/// # Errors
/// [`PatternError`] names the first one that is none.
pub fn check_patterns(mesh: &Mesh) -> Result<(), PatternError> {
    Claimants::new(mesh.clone()).map(|_| ())
}

#[cfg(test)]
mod tests {
    use headwater_model::{DomainName, DomainSpec, Pattern};

    use super::*;

    fn domain(name: &str, datasets: &[&str]) -> DomainSpec {
        DomainSpec {
            name: DomainName::parse(name).expect("a name"),
            description: None,
            owners: Vec::new(),
            datasets: datasets.iter().map(|text| Pattern::new(text)).collect(),
            job_namespaces: vec![Pattern::new(name)],
        }
    }

    #[test]
    fn the_longest_literal_prefix_claims() {
        let domains = vec![
            domain("lake", &["s3://lake/*"]),
            domain("orders", &["s3://lake/orders/*", "s3://lake/orders/x"]),
            domain("x", &["s3://lake/orders/x*"]),
        ];
        let claimants = Claimants::new(Mesh::new(10, domains).expect("a mesh")).expect("globs");
        let of = |name| claimants.domain_of(AssetKind::Dataset, "s3://lake", name);
        assert_eq!(of("other/a/b"), Some("lake"));
        assert_eq!(of("orders/daily"), Some("orders"));
        assert_eq!(
            of("orders/x"),
            Some("orders"),
            "an exact name is more exact than a glob"
        );
        assert_eq!(of("orders/xy"), Some("x"));
        assert_eq!(
            claimants.domain_of(AssetKind::Dataset, "s3://pond", "a"),
            None
        );
        assert_eq!(
            claimants.domain_of(AssetKind::Job, "lake", "any"),
            Some("lake")
        );
    }

    #[test]
    fn what_is_no_glob_is_named() {
        let mesh = Mesh::new(10, vec![domain("a", &["s3://[a"])]).expect("a mesh");
        let error = check_patterns(&mesh).expect_err("no glob");
        assert!(
            error
                .to_string()
                .contains("datasets of domain a has \"s3://[a\""),
            "{error}"
        );
    }
}
