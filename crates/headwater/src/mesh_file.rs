//! The mesh file: domains, what each claims, and rules of identity. Its errors name line and key.

mod cadence;
mod identity;

use std::ops::Range;
use std::path::Path;

use headwater_engine::check_patterns;
use headwater_model::{DomainName, DomainSpec, IdentityRules, Mesh, MeshError, Pattern, Patterns};
use serde::Deserialize;
use toml::Spanned;

use crate::failure::{Exit, Failure};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MeshFile {
    keep_runs: Option<Spanned<u32>>,
    #[serde(default)]
    domain: Vec<DomainTable>,
    identity: Option<identity::IdentityTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DomainTable {
    name: Spanned<String>,
    description: Option<String>,
    #[serde(default)]
    owners: Vec<String>,
    #[serde(default)]
    datasets: Vec<Spanned<String>>,
    #[serde(default)]
    job_namespaces: Vec<Spanned<String>>,
    #[serde(default)]
    source: Vec<cadence::SourceTable>,
}

impl DomainTable {
    fn patterns(&self, list: Patterns) -> &[Spanned<String>] {
        match list {
            Patterns::Datasets => &self.datasets,
            Patterns::JobNamespaces => &self.job_namespaces,
        }
    }
}

/// Reads the mesh file.
///
/// # Errors
/// A [`Failure`] with [`Exit::Input`] that names the file, the line, the key and the rule.
pub(crate) fn read(path: &Path) -> Result<Mesh, Failure> {
    read_as(path, parse)
}

/// Reads the rules of identity of a mesh file, which may hold nothing else.
///
/// # Errors
/// A [`Failure`] with [`Exit::Input`] that names the file, the line, the key and the rule.
pub(crate) fn read_identity(path: &Path) -> Result<IdentityRules, Failure> {
    read_as(path, |text| {
        let mesh = parse(text)?;
        let rules = mesh.identity().cloned();
        rules.ok_or_else(|| "there is no table [identity] in it".to_owned())
    })
}

fn read_as<T>(path: &Path, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::new(
            Exit::Input,
            format!("cannot read mesh file {}", path.display()),
        )
        .because(error)
    })?;
    parse(&text).map_err(|problem| {
        Failure::new(
            Exit::Input,
            format!("mesh file {}: {problem}", path.display()),
        )
    })
}

fn parse(text: &str) -> Result<Mesh, String> {
    let at = |span: Range<usize>, key: &str, message: &str| {
        format!("line {}, {key}: {message}", line_of(text, span.start))
    };
    let file: MeshFile = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        format!("line {line}: {}", error.message())
    })?;
    let mut domains = Vec::with_capacity(file.domain.len());
    for table in &file.domain {
        let name = DomainName::parse(table.name.get_ref())
            .map_err(|error| at(table.name.span(), "name", &error.to_string()))?;
        for list in [Patterns::Datasets, Patterns::JobNamespaces] {
            if let Some(pattern) = table
                .patterns(list)
                .iter()
                .find(|p| is_unusable(p.get_ref()))
            {
                let rule = format!("a pattern has 1 to {} bytes", Pattern::BYTES_MAX);
                return Err(at(pattern.span(), list.key(), &rule));
            }
        }
        let patterns = |list| {
            let texts = table.patterns(list).iter();
            texts.map(|text| Pattern::new(text.get_ref())).collect()
        };
        domains.push(DomainSpec {
            name,
            description: table.description.as_deref().map(Into::into),
            owners: table
                .owners
                .iter()
                .map(|owner| owner.as_str().into())
                .collect(),
            datasets: patterns(Patterns::Datasets),
            job_namespaces: patterns(Patterns::JobNamespaces),
        });
    }
    let keep_runs = file
        .keep_runs
        .as_ref()
        .map_or(Mesh::KEEP_RUNS_DEFAULT, |n| *n.get_ref());
    let mesh = Mesh::new(keep_runs, domains).map_err(|error| {
        let (span, key) = match &error {
            MeshError::DomainTwice { domain, .. } | MeshError::Reserved { domain } => {
                (file.domain[*domain].name.span(), "name")
            }
            MeshError::Tie {
                list,
                domain,
                pattern_at,
                ..
            } => (
                file.domain[*domain].patterns(*list)[*pattern_at].span(),
                list.key(),
            ),
            MeshError::KeepRuns { .. } => (
                file.keep_runs.as_ref().map_or(0..0, Spanned::span),
                "keep_runs",
            ),
        };
        at(span, key, &error.to_string())
    })?;
    check_patterns(&mesh).map_err(|error| {
        let table = &file.domain[error.domain_at];
        let list = match error.key {
            "datasets" => Patterns::Datasets,
            _ => Patterns::JobNamespaces,
        };
        at(
            table.patterns(list)[error.pattern_at].span(),
            error.key,
            &error.to_string(),
        )
    })?;
    let identity = file.identity.as_ref().map(|table| table.rules(&at));
    let sources = file.domain.iter().zip(mesh.domains());
    let sources = sources.map(|(table, domain)| (&domain.name, table.source.as_slice()));
    let cadences = cadence::cadences(sources, &at)?;
    Ok(mesh
        .with_identity(identity.transpose()?)
        .with_cadences(cadences))
}

fn is_unusable(pattern: &str) -> bool {
    pattern.is_empty() || pattern.len() > Pattern::BYTES_MAX
}

/// 1-based.
fn line_of(text: &str, byte: usize) -> usize {
    let before = &text.as_bytes()[..byte.min(text.len())];
    before.iter().filter(|b| **b == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mesh_file_is_read() {
        let mesh = parse(
            "keep_runs = 3\n[[domain]]\nname = \"orders\"\nowners = [\"a\"]\ndatasets = [\"db/orders.*\"]\n\
             [[domain]]\nname = \"growth\"\njob_namespaces = [\"growth\"]\n",
        )
        .expect("a mesh");
        assert_eq!(mesh.keep_runs(), 3);
        assert_eq!(mesh.domains().len(), 2);
        assert_eq!(parse("").expect("an empty mesh"), Mesh::default());
    }

    #[test]
    fn promises_of_sources_are_read() {
        let mesh = parse(
            "[[domain]]\nname = \"orders\"\n[[domain.source]]\nname = \"dbt\"\nevery = \"24h\"\n\
             [[domain]]\nname = \"growth\"\n[[domain.source]]\nname = \"dbt\"\nevery = \"7 days\"\n",
        )
        .expect("a mesh");
        let told = mesh.cadences().iter();
        let told: Vec<String> = told
            .map(|(source, every)| format!("{source} {}", every.as_micros()))
            .collect();
        assert_eq!(told, ["growth/dbt 604800000000", "orders/dbt 86400000000"]);
    }

    #[test]
    fn rules_of_identity_are_read() {
        let text = "
[identity]
fold_jobs = false
[[identity.host]]
from = \"db.prod.svc\"
to = \"db\"
[[identity.connection]]
connection = \"a2dc77af-e654-49bb-b321-40f6b559a1ee\"
namespace = \"postgres://db:5432\"
database = \"shop\"
";
        let mesh = parse(text).expect("a mesh");
        let rules = mesh.identity().expect("rules");
        assert!(!rules.folds_jobs);
        assert_eq!(rules.rules.len(), 2);
        assert_eq!(parse("").expect("a mesh").identity(), None);
    }

    #[test]
    fn errors_name_line_and_key() {
        for (text, expected) in [
            (
                "[[domain]]\nname = \"a/b\"",
                "line 2, name: holds '/' at byte 1",
            ),
            (
                "[[domain]]\nname = \"a\"\nnmae = 1",
                "line 3: unknown field `nmae`",
            ),
            (
                "[[domain]]\ndescription = \"x\"",
                "line 1: missing field `name`",
            ),
            ("[[domain]]\nname = 7", "line 2: invalid type: integer"),
            ("keep_runs = 0", "line 1, keep_runs: keep_runs is 0"),
            (
                "[[domain]]\nname = \"unassigned\"",
                "line 2, name: domain unassigned",
            ),
            (
                "[[domain]]\nname = \"a\"\n[[domain]]\nname = \"a\"",
                "line 4, name: domain a is described twice",
            ),
            (
                "[[domain]]\nname = \"a\"\ndatasets = [\"x/*\"]\n[[domain]]\nname = \"b\"\ndatasets = [\n  \"y\",\n  \"x/*z\"]",
                "line 8, datasets: datasets of domain b has \"x/*z\", which claims as strongly as \"x/*\" of domain a",
            ),
            (
                "[[domain]]\nname = \"a\"\njob_namespaces = [\"[x\"]",
                "line 3, job_namespaces: job_namespaces of domain a has \"[x\", which is no glob",
            ),
            (
                "[[domain]]\nname = \"a\"\ndatasets = [\"\"]",
                "line 3, datasets: a pattern has 1 to",
            ),
            (
                "[[domain]]\nname = \"a\"\n[[domain.source]]\nname = \"dbt\"",
                "line 3: missing field `every`",
            ),
            (
                "[[domain]]\nname = \"a\"\n[[domain.source]]\nname = \"d/b\"\nevery = \"24h\"",
                "line 4, name: holds '/' at byte 1",
            ),
            (
                "[[domain]]\nname = \"a\"\n[[domain.source]]\nname = \"dbt\"\nevery = \"daily\"",
                "line 5, every: \"daily\" is no duration, for example \"24h\"",
            ),
            (
                "[[domain]]\nname = \"a\"\n[[domain.source]]\nname = \"dbt\"\nevery = \"2s\"",
                "line 5, every: 2s is not from one minute to 366 days",
            ),
            (
                "[[domain]]\nname = \"a\"\n[[domain.source]]\nname = \"dbt\"\nevery = \"1h\"\n[[domain.source]]\nname = \"dbt\"\nevery = \"1h\"",
                "line 7, name: source dbt of domain a is described twice",
            ),
            ("[[domain", "line 1: "),
            (
                "[identity]\n[[identity.host]]\nfrom = \"a\"\n",
                "line 2: missing field `to`",
            ),
            (
                "[[identity.host]]\nfrom = \"a\"\nto = \"b:1\"\n",
                "line 3, to: a and b:1 have to have a port both, or neither",
            ),
            (
                "[[identity.rewrite]]\nname = \"x\"\npart = \"colour\"\npattern = \"a\"\nreplacement = \"b\"",
                "line 3, part: \"colour\" is none of namespace, database, schema, table, name",
            ),
            (
                "[[identity.host]]\nfrom = \"a\"\nto = \"b\"\n[[identity.rewrite]]\nname = \"x\"\npart = \"schema\"\npattern = \"(\"\nreplacement = \"b\"",
                "line 7, pattern: unclosed group",
            ),
            (
                "[[identity.catalog]]\nnamespace = \"trino://t\"\ncatalog = \"\"\nto = \"s3://x\"",
                "line 3, catalog: is empty",
            ),
        ] {
            let error = parse(text).expect_err("no mesh");
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }
}
