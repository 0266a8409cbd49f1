//! `headwater-catalog.json`: which fields the datasets have that files read, for extractors that cannot tell by
//! themselves. They see nothing but files, so this is one more.

mod ask;

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use globset::Glob;
use headwater_model::{Artifact, Extractor as _, ExtractorConfig};
use headwater_plugin::WasmExtractor;
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::extraction::{Extracted, extract};
use crate::failure::{Exit, Failure};
use crate::moment::AsOfArgs;
use crate::output::{self, Tone, count};

/// What extractors know the file by.
pub(crate) const FILE_NAME: &str = "headwater-catalog.json";
/// The version of the format.
const VERSION: u32 = 1;
/// The largest file.
const BYTES_MAX: u64 = 64 << 20;

/// Where the catalog comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CatalogSource {
    /// What the service knows now.
    Server,
    /// Nowhere, and one among the files is not read.
    None,
    /// A file, whatever it is called.
    File(PathBuf),
}

impl FromStr for CatalogSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "server" => Self::Server,
            "none" => Self::None,
            path => Self::File(path.into()),
        })
    }
}

/// Where the catalog comes from.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct CatalogArgs {
    /// Which fields the datasets have that the files read: what the service knows (server), what FILE says, or none
    #[arg(long, value_name = "server|none|FILE")]
    pub(crate) catalog: Option<CatalogSource>,
}

/// The file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FieldCatalog {
    version: u32,
    /// The offset that it was read at.
    pub(crate) offset: u64,
    /// By namespace and name.
    pub(crate) datasets: Vec<CatalogDataset>,
}

/// A dataset of which all fields are known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct CatalogDataset {
    namespace: String,
    name: String,
    fields: Vec<String>,
}

impl FieldCatalog {
    /// The file's text: the same for the same datasets at the same offset.
    pub(crate) fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("names and numbers are JSON");
        text + "\n"
    }
}

/// An extractor, and what it is to read.
pub(crate) struct Reading<'a> {
    pub(crate) extractor: &'a WasmExtractor,
    pub(crate) config: &'a ExtractorConfig,
    pub(crate) artifacts: Vec<Artifact>,
}

impl Reading<'_> {
    /// Extracts. With the service's catalog twice: before it is asked, it must be known which datasets are read.
    /// Without word of where the catalog comes from, it is the service's, if `client` leads to one, the extractor reads
    /// catalogs and none is among the files.
    ///
    /// # Errors
    /// A [`Failure`]: those of extracting, reading the file and asking; [`Exit::Usage`] for a catalog that the
    /// extractor does not read.
    pub(crate) fn extract(
        mut self,
        from: Option<&CatalogSource>,
        client: Option<&Client>,
    ) -> anyhow::Result<Extracted> {
        let is_given = self.artifacts.iter().any(is_catalog);
        match (from, client) {
            (Some(CatalogSource::None), _) => {
                self.artifacts.retain(|artifact| !is_catalog(artifact));
                self.run()
            }
            (Some(CatalogSource::File(path)), _) => {
                self.check(is_given)?;
                self.artifacts.push(read_file(path)?);
                self.run()
            }
            (Some(CatalogSource::Server), Some(client)) => {
                self.check(is_given)?;
                self.extract_with(client, true)
            }
            (None, Some(client)) if !is_given && self.reads_catalogs() => {
                self.extract_with(client, false)
            }
            _ => self.run(),
        }
    }

    /// What the service knows of the datasets that the files read; none of the files' own catalogs is read.
    ///
    /// # Errors
    /// As [`Reading::extract`].
    pub(crate) fn ask(mut self, client: &Client, as_of: AsOfArgs) -> anyhow::Result<FieldCatalog> {
        self.check(false)?;
        self.artifacts.retain(|artifact| !is_catalog(artifact));
        let wanted = ask::wanted(&self.run()?);
        let catalog = ask::ask(client, &wanted, as_of)?;
        tell(&catalog, wanted.len(), client);
        Ok(catalog)
    }

    fn run(&self) -> anyhow::Result<Extracted> {
        extract(self.extractor, self.config, &self.artifacts)
    }

    /// `is_asked` if a person wants the catalog; else it is done without where the service has none.
    fn extract_with(mut self, client: &Client, is_asked: bool) -> anyhow::Result<Extracted> {
        let extracted = self.run()?;
        let wanted = ask::wanted(&extracted);
        if wanted.is_empty() {
            return Ok(extracted);
        }
        let catalog = match ask::ask(client, &wanted, AsOfArgs::default()) {
            Ok(catalog) => catalog,
            Err(ask::AskFailure::NoCatalogs) if !is_asked => {
                let line = format!(
                    "note: {} is too old to say which fields datasets have; stars are not expanded",
                    client.server()
                );
                output::tell(Tone::Warning, &line);
                return Ok(extracted);
            }
            Err(error) => return Err(error.into()),
        };
        tell(&catalog, wanted.len(), client);
        if catalog.datasets.is_empty() {
            return Ok(extracted);
        }
        self.artifacts.push(artifact(catalog.to_json().into()));
        self.run()
    }

    fn reads_catalogs(&self) -> bool {
        let inputs = &self.extractor.description().inputs;
        let mut globs = inputs
            .iter()
            .filter_map(|input| Glob::new(&input.glob).ok());
        // One that reads every file does not ask for this one.
        globs.any(|glob| {
            let matcher = glob.compile_matcher();
            matcher.is_match(FILE_NAME) && !matcher.is_match("any.json")
        })
    }

    fn check(&self, is_given: bool) -> Result<(), Failure> {
        if !self.reads_catalogs() {
            let name = &self.extractor.description().name;
            let message = format!("extractor {name} does not read {FILE_NAME}");
            return Err(Failure::new(Exit::Usage, message).hint("leave out --catalog"));
        }
        if is_given {
            let message = format!("a {FILE_NAME} is among the files, and --catalog names another");
            return Err(Failure::new(Exit::Usage, message).hint("leave out one of the two"));
        }
        Ok(())
    }
}

fn is_catalog(artifact: &Artifact) -> bool {
    let name = &*artifact.name;
    name.rsplit_once('/').map_or(name, |(_, last)| last) == FILE_NAME
}

fn artifact(bytes: Vec<u8>) -> Artifact {
    Artifact {
        name: FILE_NAME.into(),
        media_type: "application/json".into(),
        bytes: Arc::from(bytes),
    }
}

fn read_file(path: &Path) -> anyhow::Result<Artifact> {
    let failed = || Failure::new(Exit::Input, format!("cannot read {}", path.display()));
    let length = fs::metadata(path).with_context(failed)?.len();
    if length > BYTES_MAX {
        let message = format!(
            "{} is {length} bytes long, more than {BYTES_MAX}",
            path.display()
        );
        return Err(Failure::new(Exit::Input, message).into());
    }
    Ok(artifact(fs::read(path).with_context(failed)?))
}

fn tell(catalog: &FieldCatalog, wanted_count: usize, client: &Client) {
    let line = format!(
        "note: {} at offset {} knows the fields of {} of {} that the files name",
        client.server(),
        catalog.offset,
        catalog.datasets.len(),
        count(wanted_count as u64, "dataset"),
    );
    output::tell(Tone::Plain, &line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalog_comes_from_the_server_from_nowhere_or_from_a_file() {
        for (text, expected) in [
            ("server", CatalogSource::Server),
            ("none", CatalogSource::None),
            ("./none", CatalogSource::File("./none".into())),
            ("a/b.json", CatalogSource::File("a/b.json".into())),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_catalog_is_known_by_its_name_in_any_folder() {
        for (name, expected) in [
            (FILE_NAME, true),
            ("a/b/headwater-catalog.json", true),
            ("a/my-headwater-catalog.json", false),
            ("headwater-catalog.json/x.sql", false),
        ] {
            let named = Artifact {
                name: name.into(),
                ..artifact(Vec::new())
            };
            assert_eq!(is_catalog(&named), expected, "{name}");
        }
    }

    #[test]
    fn what_is_no_file_or_too_long_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("c.json");
        let missing = read_file(&path).expect_err("no such file");
        assert_eq!(crate::failure::exit_of(&missing), Some(Exit::Input));
        let file = fs::File::create(&path).expect("a file");
        file.set_len(BYTES_MAX + 1).expect("a hole");
        let long = read_file(&path).expect_err("too long");
        assert!(long.to_string().contains("more than 67108864"), "{long}");
    }
}
