//! The document of facts that is posted.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use headwater_record::JsonLayout;

use crate::diagnostics::Finding;
use crate::extraction::Extracted;
use crate::failure::{Exit, Failure};

/// The largest document of facts that is read from a file or from standard input.
const FACTS_BYTES_MAX: u64 = 2 << 30;

/// Facts as JSON, and what was found on the way to them.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) json: Vec<u8>,
    pub(super) findings: Vec<Finding>,
}

impl Document {
    /// What came out of an extractor.
    ///
    /// # Errors
    /// A [`Failure`] if the extractor stated something that JSON can't say.
    pub(super) fn of(extracted: &Extracted) -> anyhow::Result<Self> {
        let diagnostics = extracted.extraction.diagnostics.iter();
        Ok(Self {
            json: extracted.to_json(JsonLayout::Compact)?.into_bytes(),
            findings: diagnostics.map(Finding::from).collect(),
        })
    }

    /// Ready-made facts; `-` is standard input. The service checks them.
    ///
    /// # Errors
    /// A [`Failure`] with [`Exit::Input`] that names the file.
    pub(super) fn of_facts(path: &Path) -> anyhow::Result<Self> {
        let is_stdin = path == Path::new("-");
        let shown = if is_stdin {
            "standard input".to_owned()
        } else {
            path.display().to_string()
        };
        let failed = || Failure::new(Exit::Input, format!("cannot read {shown}"));
        let mut json = Vec::new();
        let bounded = FACTS_BYTES_MAX + 1;
        let length = if is_stdin {
            std::io::stdin().lock().take(bounded).read_to_end(&mut json)
        } else {
            fs::File::open(path).and_then(|file| file.take(bounded).read_to_end(&mut json))
        };
        if length.with_context(failed)? as u64 > FACTS_BYTES_MAX {
            let message = format!("{shown} is longer than {FACTS_BYTES_MAX} bytes");
            return Err(Failure::new(Exit::Input, message).into());
        }
        Ok(Self {
            json,
            findings: Vec::new(),
        })
    }
}
