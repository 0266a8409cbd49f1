//! The compiler's library for Wasm.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::WASM_TARGET;

/// The compiler: what the environment variable `RUSTC` names, else `rustc`.
pub fn rustc() -> OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

/// The folder that the compiler is installed in.
///
/// # Errors
/// If there is no compiler.
pub fn sysroot() -> Result<String> {
    let asked = Command::new(rustc()).args(["--print", "sysroot"]).output();
    let asked = asked.context("there is no rustc; https://rustup.rs installs one")?;
    if !asked.status.success() {
        bail!("rustc does not say where it is installed");
    }
    Ok(String::from_utf8_lossy(&asked.stdout).trim().to_owned())
}

/// Installs the target's standard library through rustup where it is not there yet; `tell` is called before.
///
/// # Errors
/// If it can't be installed: what to do instead.
pub fn install_target(tell: impl FnOnce(&str)) -> Result<()> {
    let sysroot = sysroot()?;
    let library = Path::new(&sysroot)
        .join("lib/rustlib")
        .join(WASM_TARGET)
        .join("lib");
    if library.is_dir() {
        return Ok(());
    }
    tell(&format!("installing the target {WASM_TARGET}"));
    let added = Command::new("rustup")
        .args(["target", "add", WASM_TARGET])
        .stdin(Stdio::null())
        .status();
    match added {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => bail!(
            "the target {WASM_TARGET} is not installed and `rustup target add {WASM_TARGET}` failed; \
             run it where there is a network, then run this again"
        ),
        Err(_) => bail!(
            "the target {WASM_TARGET} is not installed and there is no rustup to add it; install that \
             target of your compiler (it would be in {}), then run this again",
            library.display()
        ),
    }
}
