//! `cargo xtask tidy`: what the compiler does not check.
//!
//! Each rule has a module of its own that takes texts and returns what it found, so that each is proven
//! able to fail by its tests.

mod arrows;
mod confinement;
mod lengths;
mod links;
mod lints;
mod manifest;
mod tokens;
mod unfinished;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::places::Places;
use crate::schema;
use manifest::Manifest;
use tokens::Tokens;

/// One place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Relative to the project's root.
    file: String,
    /// Counted from 1; 0 is the whole file.
    line: usize,
    /// The rule, and how this place breaks it.
    message: String,
}

impl Finding {
    fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            message: message.into(),
        }
    }

    fn of_line(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            line,
            ..Self::of_file(file, message)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message),
            line => write!(f, "{}:{line}: {}", self.file, self.message),
        }
    }
}

/// Runs every check and fails with everything they found.
pub(crate) fn run(places: &Places) -> Result<()> {
    let mut files = Vec::new();
    collect(places.root(), &mut files)?;
    files.sort();

    let mut findings = Vec::new();
    let manifests = manifests(places, &files)?;
    findings.extend(arrows::check(&manifests));
    findings.extend(confinement::check(&manifests));
    findings.extend(lints::check(&manifests));
    let mut sources_count = 0_usize;
    let mut pages_count = 0_usize;
    for file in &files {
        let name = places.shown(file);
        if is_kind(file, "rs") {
            sources_count += 1;
            let text = read(file)?;
            findings.extend(lengths::check_file(&name, &text));
            match Tokens::parse(&text) {
                Ok(tokens) => {
                    findings.extend(lengths::check_functions(&name, &tokens));
                    findings.extend(unfinished::check(&name, &tokens));
                }
                Err(error) => findings.push(Finding::of_file(&name, error.to_string())),
            }
        } else if is_kind(file, "md") {
            pages_count += 1;
            findings.extend(links::check(&name, &read(file)?, |target| {
                exists(places.root(), file, target)
            }));
        }
    }
    findings.extend(schema_finding(places)?);

    findings.sort();
    for finding in &findings {
        eprintln!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} places are not tidy", findings.len());
    }
    println!(
        "    tidy: {} manifests, {sources_count} Rust files, {pages_count} pages",
        manifests.len()
    );
    Ok(())
}

/// A stale schema is a finding; so is one that is kept while nothing can print what is served.
fn schema_finding(places: &Places) -> Result<Option<Finding>> {
    let path = places.root().join("schema.graphql");
    let kept = path.is_file().then(|| read(&path)).transpose()?;
    if !schema::can_print(places) {
        return Ok(kept.map(|_| {
            Finding::of_file(
                "schema.graphql",
                "nothing can say whether it is current: headwater-graphql has no example print_schema",
            )
        }));
    }
    let served = schema::served(places)?;
    Ok(
        schema::first_difference(kept.as_deref(), &served).map(|difference| {
            Finding::of_file(
                "schema.graphql",
                format!("is stale: {difference}; run `cargo xtask schema`"),
            )
        }),
    )
}

fn manifests(places: &Places, files: &[PathBuf]) -> Result<Vec<Manifest>> {
    let of_workspace = |root: &Path| -> Result<toml::Table> {
        let path = root.join("Cargo.toml");
        if !path.is_file() {
            return Ok(toml::Table::new());
        }
        toml::from_str(&read(&path)?).with_context(|| format!("cannot parse {}", path.display()))
    };
    let main = of_workspace(places.root())?;
    let plugins = of_workspace(&places.plugins_source())?;
    let mut manifests = Vec::new();
    for file in files {
        if file.file_name().is_none_or(|name| name != "Cargo.toml") {
            continue;
        }
        let workspace = if file.starts_with(places.plugins_source()) {
            &plugins
        } else {
            &main
        };
        let name = places.shown(file);
        let found = Manifest::parse(&name, &read(file)?, workspace)
            .with_context(|| format!("cannot parse {name}"))?;
        manifests.extend(found);
    }
    Ok(manifests)
}

/// Every file that belongs to the project: not what is built, installed, downloaded or hidden.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_dir() {
            let is_left_out = name == "target"
                || name == "node_modules"
                || name == "dist"
                || name.as_encoded_bytes().starts_with(b".");
            if !is_left_out {
                collect(&entry.path(), files)?;
            }
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn is_kind(file: &Path, extension: &str) -> bool {
    file.extension().is_some_and(|found| found == extension)
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Whether `target`, a link on the page `page`, leads to a file or folder; a leading slash is the root.
fn exists(root: &Path, page: &Path, target: &str) -> bool {
    match target.strip_prefix('/') {
        Some(target) => root.join(target).exists(),
        None => page
            .parent()
            .is_some_and(|folder| folder.join(target).exists()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_its_file_and_line() {
        assert_eq!(
            Finding::of_line("a.rs", 3, "is long").to_string(),
            "a.rs:3: is long"
        );
        assert_eq!(
            Finding::of_file("a.rs", "is long").to_string(),
            "a.rs: is long"
        );
    }

    #[test]
    fn what_is_built_installed_or_hidden_is_not_checked() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "a.rs",
            "b/c.rs",
            "target/d.rs",
            "ui/node_modules/e.md",
            ".git/f.md",
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let mut files = Vec::new();
        collect(folder.path(), &mut files).unwrap();
        files.sort();
        assert_eq!(
            files,
            [folder.path().join("a.rs"), folder.path().join("b/c.rs")]
        );
    }

    #[test]
    fn a_link_starts_at_its_page_or_at_the_root() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("docs")).unwrap();
        fs::write(folder.path().join("docs/a.md"), "").unwrap();
        let page = folder.path().join("docs/b.md");
        assert!(exists(folder.path(), &page, "a.md"));
        assert!(exists(folder.path(), &page, "/docs/a.md"));
        assert!(!exists(folder.path(), &page, "docs/a.md"));
    }
}
