//! `cargo run -p headwater-plugin --example encode_hostile DIR` writes every test guest as a component.

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let out = std::env::args_os()
        .nth(1)
        .context("usage: encode_hostile DIR")?;
    let out = PathBuf::from(out);
    fs::create_dir_all(&out)?;
    for entry in fs::read_dir(support::guests_dir())? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "wat") {
            continue;
        }
        let name = path.file_stem().context("a .wat file has a stem")?;
        let component = support::component(&name.to_string_lossy())?;
        let target = out.join(name).with_extension("wasm");
        fs::write(&target, component)?;
        println!("{}", target.display());
    }
    Ok(())
}
