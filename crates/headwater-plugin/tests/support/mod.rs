//! Guests for tests: texts of modules that are wrapped as components of the contract's world.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Where the texts are.
pub(crate) fn guests_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/hostile")
}

/// The component of the guest `name`. A text that is a component already is taken as written.
pub(crate) fn component(name: &str) -> Result<Vec<u8>> {
    let path = guests_dir().join(name).with_extension("wat");
    let text = headwater_testkit::guest_text(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let bytes = wat::Parser::new().parse_str(Some(&path), text)?;
    if wasmparser::Parser::is_component(&bytes) {
        return Ok(bytes);
    }
    wrap(bytes).with_context(|| format!("cannot wrap {}", path.display()))
}

/// Wraps a core module that exports what the contract's world exports.
pub(crate) fn wrap(mut module: Vec<u8>) -> Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/wit/v0.1");
    let (package, _) = resolve.push_path(&contract)?;
    let world = resolve.select_world(&[package], Some("extractor"))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default()
        .validate(true)
        .module(&module)?
        .encode()
}
