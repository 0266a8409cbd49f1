//! `headwater-catalog.json`: which fields the datasets have that files read, for extractors that cannot tell by
//! themselves. They see nothing but files, so this is one more.

mod ask;

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context as _;
use clap::Args;
use headwater_extraction::{CATALOG_FILE, FieldCatalog, mentioned, reads_catalogs};
use headwater_model::{Artifact, Extractor as _, ExtractorConfig};
use headwater_plugin::WasmExtractor;

use crate::client::Client;
use crate::extraction::{Extracted, extract};
use crate::failure::{Exit, Failure};
use crate::moment::AsOfArgs;
use crate::output::{self, Tone, count};

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
        let wanted = mentioned(&self.run()?.extraction);
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
        let wanted = mentioned(&extracted.extraction);
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
        reads_catalogs(&self.extractor.description().inputs)
    }

    fn check(&self, is_given: bool) -> Result<(), Failure> {
        if !self.reads_catalogs() {
            let name = &self.extractor.description().name;
            let message = format!("extractor {name} does not read {CATALOG_FILE}");
            return Err(Failure::new(Exit::Usage, message).hint("leave out --catalog"));
        }
        if is_given {
            let message =
                format!("a {CATALOG_FILE} is among the files, and --catalog names another");
            return Err(Failure::new(Exit::Usage, message).hint("leave out one of the two"));
        }
        Ok(())
    }
}

fn is_catalog(artifact: &Artifact) -> bool {
    headwater_extraction::is_catalog(&artifact.name)
}

fn artifact(bytes: Vec<u8>) -> Artifact {
    Artifact {
        name: CATALOG_FILE.into(),
        media_type: "application/json".into(),
        content: bytes.into(),
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
