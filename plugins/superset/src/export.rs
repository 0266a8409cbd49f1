//! What the files of an export are.

use std::collections::BTreeMap;

use bi::tree::{self, Node};
use headwater_extractor::{Emitter, ExtractError, Input, Severity, time};

use crate::archive;

/// One thing of an export, and the file that describes it.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) artifact: String,
    pub(crate) node: Node,
}

/// All things of all files, by UUID.
#[derive(Clone, Debug, Default)]
pub(crate) struct Export {
    pub(crate) databases: BTreeMap<String, Item>,
    pub(crate) datasets: BTreeMap<String, Item>,
    pub(crate) charts: BTreeMap<String, Item>,
    pub(crate) dashboards: BTreeMap<String, Item>,
    /// When it was made: the newest of several.
    pub(crate) generated: Option<i64>,
}

/// Reads files in the order of their names; what one of them lacks costs only that file.
pub(crate) fn read(inputs: &[Input], out: &mut Emitter) -> Result<Export, ExtractError> {
    let mut files = Vec::new();
    for input in inputs {
        let bytes = input.read_all()?;
        if archive::is_archive(&bytes) {
            match archive::read(&bytes) {
                Ok(entries) => {
                    let name = input.name();
                    let entries = entries.into_iter();
                    files.extend(entries.map(|(path, bytes)| (format!("{name}/{path}"), bytes)));
                }
                Err(message) => {
                    let at = bi::place(input.name(), "", None);
                    out.diagnose(bi::told(Severity::Error, "superset/archive", message, at))?;
                }
            }
        } else {
            files.push((input.name().to_owned(), bytes));
        }
    }
    if files.is_empty() {
        let message = "expected the files of a Superset export, found none";
        return Err(ExtractError::Unsupported(message.into()));
    }
    files.sort();
    let mut export = Export::default();
    for (artifact, bytes) in files {
        export.file(artifact, &bytes, out)?;
    }
    Ok(export)
}

impl Export {
    fn file(
        &mut self,
        artifact: String,
        bytes: &[u8],
        out: &mut Emitter,
    ) -> Result<(), ExtractError> {
        let text = std::str::from_utf8(bytes);
        let parsed = match text {
            Ok(text) => tree::yaml(text.trim_start_matches('\u{feff}')),
            Err(_) => Err(tree::Fault {
                line: 1,
                message: "expected UTF-8".into(),
            }),
        };
        let node = match parsed {
            Ok(node) => node,
            Err(fault) => {
                let at = bi::place(&artifact, "", Some(fault.line));
                let message = format!("the file is left out: {}", fault.message);
                out.diagnose(bi::told(Severity::Error, "superset/syntax", message, at))?;
                return Ok(());
            }
        };
        let section = if node.get("dashboard_title").text().is_some() {
            &mut self.dashboards
        } else if node.get("slice_name").text().is_some() {
            &mut self.charts
        } else if node.get("table_name").text().is_some() {
            &mut self.datasets
        } else if node.get("database_name").text().is_some() {
            &mut self.databases
        } else {
            return self.other(&artifact, &node, out);
        };
        let at = bi::place(&artifact, "/uuid", node.get("uuid").line);
        let Some(uuid) = node
            .said("uuid")
            .filter(|uuid| bi::is_name(uuid) && uuid.len() <= 128)
        else {
            let message = "the file is left out: it has no usable `uuid`".to_owned();
            out.diagnose(bi::told(Severity::Error, "superset/no-uuid", message, at))?;
            return Ok(());
        };
        let uuid = uuid.to_lowercase();
        match section.get(&uuid) {
            Some(first) if first.node.entries() != node.entries() => {
                let message = format!("{uuid} is left out: {} has it, too", first.artifact);
                out.diagnose(bi::told(Severity::Info, "superset/twice", message, at))?;
            }
            Some(_) => {}
            None => {
                section.insert(uuid, Item { artifact, node });
            }
        }
        Ok(())
    }

    fn other(
        &mut self,
        artifact: &str,
        node: &Node,
        out: &mut Emitter,
    ) -> Result<(), ExtractError> {
        if let Some(timestamp) = node.said("timestamp") {
            let found = time::parse_rfc3339(timestamp).map(|(epoch_ms, _)| epoch_ms);
            self.generated = self.generated.max(found);
            return Ok(());
        }
        // The list of tags that things have.
        if !node.get("tags").is_null() {
            return Ok(());
        }
        let message =
            "the file is left out: it is no database, dataset, chart or dashboard of Superset";
        let at = bi::place(artifact, "", None);
        out.diagnose(bi::told(
            Severity::Warning,
            "superset/unknown-file",
            message.into(),
            at,
        ))?;
        Ok(())
    }
}
