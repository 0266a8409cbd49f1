//! The mesh file: domains, and what each claims. Its errors name line and key.

use std::ops::Range;
use std::path::Path;

use headwater_engine::check_patterns;
use headwater_model::{DomainName, DomainSpec, Mesh, MeshError, Pattern, Patterns};
use serde::Deserialize;
use toml::Spanned;

use crate::failure::{Exit, Failure};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MeshFile {
    keep_runs: Option<Spanned<u32>>,
    #[serde(default)]
    domain: Vec<DomainTable>,
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
    Ok(mesh)
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
            ("[[domain", "line 1: "),
        ] {
            let error = parse(text).expect_err("no mesh");
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }
}
