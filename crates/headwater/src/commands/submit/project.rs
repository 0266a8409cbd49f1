//! `headwater.toml`: what is submitted from a project. Its errors name line and key.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use headwater_model::{DomainName, ExtractorConfig, SourceName};
use serde::Deserialize;
use toml::Spanned;

use super::document::Document;
use super::{SubmitArgs, expand};
use crate::artifacts;
use crate::client::Client;
use crate::environment::Environment;
use crate::extractor_config::{config_of_table, read_file};
use crate::failure::{Exit, Failure};
use crate::field_catalog::{CatalogSource, Reading};
use crate::plugins::PluginsArgs;

/// The largest file that is read.
const BYTES_MAX: u64 = 4 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    server: Option<String>,
    plugins: Option<PathBuf>,
    domain: Option<Spanned<String>>,
    #[serde(default)]
    source: Vec<Spanned<Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    domain: Option<Spanned<String>>,
    source: Spanned<String>,
    plugin: Option<Spanned<String>>,
    config: Option<Spanned<toml::Value>>,
    catalog: Option<Spanned<String>>,
    files: Option<Spanned<Vec<Spanned<String>>>>,
    facts: Option<Spanned<PathBuf>>,
}

/// What a project file says.
#[derive(Debug)]
pub(super) struct Project {
    /// The service, if the file names one.
    pub(super) server: Option<String>,
    /// What to submit, in the file's order.
    pub(super) sources: Vec<ProjectSource>,
    file: PathBuf,
    folder: PathBuf,
    plugins: Option<PathBuf>,
}

/// One source of a project.
#[derive(Debug)]
pub(super) struct ProjectSource {
    pub(super) domain: DomainName,
    pub(super) source: SourceName,
    /// Where the file describes it, for errors: 1-based.
    line: usize,
    says: Says,
}

/// Where a source's facts come from.
#[derive(Debug)]
enum Says {
    Extracted {
        plugin: String,
        config: ExtractorConfig,
        config_file: Option<PathBuf>,
        /// Where the catalog of fields comes from.
        catalog: Option<CatalogSource>,
        /// Each with its line.
        files: Vec<(String, usize)>,
    },
    Facts(PathBuf),
}

/// What is wrong with a file: the 1-based line, the key and the rule.
struct Problem(String);

impl Project {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// A [`Failure`] with [`Exit::Input`] that names the file, the line, the key and the rule.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let failed = || Failure::new(Exit::Input, format!("cannot read {shown}"));
        let bytes = std::fs::metadata(path).with_context(failed)?.len();
        if bytes > BYTES_MAX {
            let message = format!("{shown} is {bytes} bytes long, more than {BYTES_MAX}");
            return Err(Failure::new(Exit::Input, message).into());
        }
        let text = std::fs::read_to_string(path).with_context(failed)?;
        Self::parse(path, &text).map_err(|Problem(problem)| {
            Failure::new(Exit::Input, format!("{shown}: {problem}")).into()
        })
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Problem> {
        let file: File = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            Problem(format!("line {line}: {}", error.message()))
        })?;
        let at = Place(text);
        if file.source.is_empty() {
            return Err(Problem(
                "it lists nothing: a table [[source]] is missing".into(),
            ));
        }
        let default = file.domain.as_ref().map(|domain| at.domain(domain));
        let default = default.transpose()?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut seen = BTreeSet::new();
        let mut sources = Vec::with_capacity(file.source.len());
        for table in &file.source {
            let source = at.source(table, default.as_ref(), &folder)?;
            let key = format!("{}/{}", source.domain, source.source);
            if !seen.insert(key.clone()) {
                let span = table.get_ref().source.span();
                return Err(at.wrong(span, "source", &format!("{key} is listed twice")));
            }
            sources.push(source);
        }
        Ok(Self {
            server: file.server,
            sources,
            file: path.to_owned(),
            plugins: file.plugins.map(|plugins| folder.join(plugins)),
            folder,
        })
    }
}

/// Finds places in the text of a file.
#[derive(Clone, Copy)]
struct Place<'a>(&'a str);

impl Place<'_> {
    fn wrong(self, span: Range<usize>, key: &str, message: &str) -> Problem {
        Problem(format!("line {}, {key}: {message}", self.line(span)))
    }

    fn line(self, span: Range<usize>) -> usize {
        line_of(self.0, span.start)
    }

    fn domain(self, text: &Spanned<String>) -> Result<DomainName, Problem> {
        DomainName::parse(text.get_ref()).map_err(|error| {
            self.wrong(
                text.span(),
                "domain",
                &format!("{:?} {error}", text.get_ref()),
            )
        })
    }

    fn source(
        self,
        spanned: &Spanned<Table>,
        default: Option<&DomainName>,
        folder: &Path,
    ) -> Result<ProjectSource, Problem> {
        let (table, span) = (spanned.get_ref(), spanned.span());
        let stated = table.domain.as_ref().map(|domain| self.domain(domain));
        let domain = stated.transpose()?.or_else(|| default.cloned());
        let domain = domain.ok_or_else(|| {
            self.wrong(
                span.clone(),
                "domain",
                "is missing, here and for the whole file",
            )
        })?;
        let source = SourceName::parse(table.source.get_ref()).map_err(|error| {
            let message = format!("{:?} {error}", table.source.get_ref());
            self.wrong(table.source.span(), "source", &message)
        })?;
        let says = match (&table.facts, &table.plugin, &table.files) {
            (Some(facts), None, None) if table.config.is_none() && table.catalog.is_none() => {
                Says::Facts(folder.join(facts.get_ref()))
            }
            (Some(facts), ..) => {
                let message = "are ready-made: they go with no plugin, config, catalog or files";
                return Err(self.wrong(facts.span(), "facts", message));
            }
            (None, Some(plugin), Some(files)) => {
                if files.get_ref().is_empty() {
                    return Err(self.wrong(files.span(), "files", "names no file"));
                }
                let (config, config_file) = self.config(table, folder)?;
                let files = files.get_ref().iter();
                Says::Extracted {
                    plugin: plugin.get_ref().clone(),
                    config,
                    config_file,
                    catalog: table
                        .catalog
                        .as_ref()
                        .map(|from| catalog(from.get_ref(), folder)),
                    files: files
                        .map(|file| (file.get_ref().clone(), self.line(file.span())))
                        .collect(),
                }
            }
            (None, Some(_), None) => return Err(self.wrong(span, "files", "is missing")),
            (None, None, _) => {
                let message = "is missing: an extractor, or facts that are ready-made";
                return Err(self.wrong(span, "plugin", message));
            }
        };
        Ok(ProjectSource {
            domain,
            source,
            line: self.line(span),
            says,
        })
    }

    fn config(
        self,
        table: &Table,
        folder: &Path,
    ) -> Result<(ExtractorConfig, Option<PathBuf>), Problem> {
        let Some(config) = &table.config else {
            return Ok((ExtractorConfig::new(), None));
        };
        match config.get_ref() {
            toml::Value::String(file) => Ok((ExtractorConfig::new(), Some(folder.join(file)))),
            toml::Value::Table(inline) => config_of_table(inline.clone())
                .map(|config| (config, None))
                .map_err(|message| self.wrong(config.span(), "config", &message)),
            _ => Err(self.wrong(
                config.span(),
                "config",
                "must be a table or the path of a file",
            )),
        }
    }
}

impl ProjectSource {
    /// The facts to submit.
    ///
    /// # Errors
    /// A [`Failure`] that names the file, or what the extractor found wrong.
    pub(super) fn document(
        &self,
        project: &Project,
        args: &SubmitArgs,
        client: &Client,
        environment: &Environment,
    ) -> anyhow::Result<Document> {
        let (plugin, config, config_file, catalog, files) = match &self.says {
            Says::Facts(path) => return Document::of_facts(path),
            Says::Extracted {
                plugin,
                config,
                config_file,
                catalog,
                files,
            } => (plugin, config, config_file, catalog, files),
        };
        let config = match config_file {
            Some(file) => &read_file(file).with_context(|| {
                format!("{} line {}, config", project.file.display(), self.line)
            })?,
            None => config,
        };
        // The command line is stronger than the file.
        let plugins = &args.extraction.plugins;
        let catalog = args.catalog.catalog.as_ref().or(catalog.as_ref());
        let plugins = PluginsArgs {
            dir: plugins.dir.clone().or_else(|| project.plugins.clone()),
        };
        let extractor = plugins.load(&in_folder(&project.folder, plugin), environment)?;
        let mut paths = Vec::new();
        for (pattern, line) in files {
            let found = expand::expand(&project.folder, pattern);
            paths.extend(
                found.with_context(|| format!("{} line {line}, files", project.file.display()))?,
            );
        }
        let patterns = &headwater_model::Extractor::description(&extractor).inputs;
        let artifacts = artifacts::read(&paths, patterns, Some(&project.folder))?;
        let reading = Reading {
            extractor: &extractor,
            config,
            artifacts,
        };
        Document::of(&reading.extract(catalog, Some(client))?)
    }
}

/// The path of a file starts from the file's folder.
fn catalog(from: &str, folder: &Path) -> CatalogSource {
    let Ok(source) = from.parse();
    match source {
        CatalogSource::File(path) => CatalogSource::File(folder.join(path)),
        other => other,
    }
}

/// A path to a component starts from the file's folder; a name stays a name.
fn in_folder(folder: &Path, plugin: &str) -> String {
    let path = Path::new(plugin);
    if path.components().count() > 1 || path.extension().is_some_and(|found| found == "wasm") {
        folder.join(path).display().to_string()
    } else {
        plugin.to_owned()
    }
}

/// 1-based.
fn line_of(text: &str, byte: usize) -> usize {
    let before = &text.as_bytes()[..byte.min(text.len())];
    before.iter().filter(|b| **b == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Project, String> {
        Project::parse(Path::new("p/headwater.toml"), text).map_err(|Problem(text)| text)
    }

    #[test]
    fn sources_share_the_files_domain_and_paths_start_from_its_folder() {
        let project = parse(
            "server = \"http://h:1\"\ndomain = \"orders\"\nplugins = \"bin\"\n\
             [[source]]\nsource = \"dbt\"\nplugin = \"dbt\"\nfiles = [\"target\", \"models/**/*.sql\"]\n\
             config = { \"a.b\" = 1 }\n\
             [[source]]\ndomain = \"growth\"\nsource = \"dbt\"\nfacts = \"facts.json\"\n",
        )
        .expect("a project");
        assert_eq!(project.server.as_deref(), Some("http://h:1"));
        assert_eq!(project.plugins, Some("p/bin".into()));
        let [first, second] = &project.sources[..] else {
            panic!("two sources");
        };
        assert_eq!(first.domain.as_str(), "orders");
        assert!(matches!(&first.says, Says::Extracted { config, files, .. }
            if config["a.b"] == "1" && files[1] == ("models/**/*.sql".to_owned(), 7)));
        assert_eq!(second.domain.as_str(), "growth");
        assert!(matches!(&second.says, Says::Facts(path) if path == Path::new("p/facts.json")));
        assert_eq!(in_folder(Path::new("p"), "dbt"), "dbt");
        assert_eq!(in_folder(Path::new("p"), "own.wasm"), "p/own.wasm");
    }

    #[test]
    fn errors_name_line_and_key() {
        for (text, expected) in [
            ("", "it lists nothing"),
            ("[[source]", "line 1: "),
            ("[[source]]\nname = \"x\"", "line 2: unknown field `name`"),
            (
                "[[source]]\nplugin = \"x\"",
                "line 1: missing field `source`",
            ),
            (
                "[[source]]\nsource = \"x\"\nplugin = \"dbt\"\nfiles = [\"a\"]",
                "line 1, domain: is missing",
            ),
            (
                "domain = \"a/b\"\n[[source]]\nsource = \"x\"",
                "line 1, domain: \"a/b\" holds '/'",
            ),
            (
                "domain = \"a\"\n[[source]]\nsource = \"\"\nfacts = \"f\"",
                "line 3, source: \"\" ",
            ),
            (
                "domain = \"a\"\n[[source]]\nsource = \"x\"\n",
                "line 2, plugin: is missing",
            ),
            (
                "domain = \"a\"\n[[source]]\nsource = \"x\"\nplugin = \"p\"",
                "line 2, files: is missing",
            ),
            (
                "domain = \"a\"\n[[source]]\nsource = \"x\"\nplugin = \"p\"\nfiles = []",
                "line 5, files: names no file",
            ),
            (
                "domain = \"a\"\n[[source]]\nsource = \"x\"\nplugin = \"p\"\nfiles = \"f\"",
                "line 5: invalid type: string",
            ),
            (
                "domain = \"a\"\n[[source]]\nsource = \"x\"\nplugin = \"p\"\nfiles = [\"f\"]\nconfig = { a.b = 1 }",
                "line 6, config: a is a table, but keys are flat",
            ),
            (
                "domain = \"a\"\n[[source]]\nsource = \"x\"\nplugin = \"p\"\nfiles = [\"f\"]\nconfig = 7",
                "line 6, config: must be a table or the path of a file",
            ),
            (
                "domain = \"a\"\n[[source]]\nsource = \"x\"\nplugin = \"p\"\nfacts = \"f\"",
                "line 5, facts: are ready-made",
            ),
            (
                "domain = \"a\"\n[[source]]\nsource = \"x\"\nfacts = \"f\"\n[[source]]\nsource = \"x\"\nfacts = \"g\"",
                "line 6, source: a/x is listed twice",
            ),
        ] {
            let error = parse(text).expect_err("no project");
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }
}
