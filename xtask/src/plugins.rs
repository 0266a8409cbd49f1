//! `cargo xtask plugins`: extractors from source to components with their digests.
//!
//! Each extractor in `plugins/` becomes `target/plugins/<folder>.wasm` and `<folder>.wasm.sha256`; the
//! guests in `plugins/hostile/` that tests throw at the host become `target/plugins-hostile/<name>.wasm`.
//! Nothing is built while a digest over all inputs is the one recorded at the last build.

pub(crate) mod digest;
mod guests;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo;
use crate::places::Places;
use guests::{Guest, Source};
use headwater_component::{WASM_TARGET, rustc};

/// Changes with what this task does to its inputs, so that an older output is never taken for current.
const RECIPE: &str = "3";

/// Where the digest of the inputs of the last build is kept, inside `target/plugins`.
const RECORD: &str = ".inputs.sha256";

/// Builds every extractor and hostile guest, unless all of them are up to date.
pub(crate) fn run(places: &Places) -> Result<()> {
    let source = places.plugins_source();
    if !source.join("Cargo.toml").is_file() {
        bail!(
            "{} has no Cargo.toml: there are no extractors to build",
            source.display()
        );
    }
    let guests = guests::find(places)?;
    let inputs = inputs_digest(&source)?;
    let record = places.plugins().join(RECORD);
    let outputs: Vec<PathBuf> = guests.iter().map(|guest| output(places, guest)).collect();
    if is_current(&record, &inputs, &outputs) {
        eprintln!("    {} components are up to date", guests.len());
        return Ok(());
    }

    // A build that fails half way must not leave the record of an earlier one beside new outputs.
    remove_if_there(&record)?;
    headwater_component::install_target(|what| eprintln!("    {what}"))?;
    compile(places, &guests)?;
    for (guest, output) in guests.iter().zip(&outputs) {
        let digest = finish(places, guest, output)
            .with_context(|| format!("cannot make a component of {}", guest.name))?;
        eprintln!("    {} {digest}", places.shown(output));
    }
    remove_others(&places.plugins(), &outputs)?;
    remove_others(&places.hostile(), &outputs)?;
    write(&record, format!("{inputs}\n").as_bytes())
}

fn output(places: &Places, guest: &Guest) -> PathBuf {
    let folder = if guest.is_hostile {
        places.hostile()
    } else {
        places.plugins()
    };
    folder.join(format!("{}.wasm", guest.name))
}

/// A digest of everything the outputs depend on: sources and lockfile, compiler, and this recipe.
fn inputs_digest(source: &Path) -> Result<String> {
    let compiler = cargo::read(Command::new(rustc()).arg("-vV"))?;
    let recipe = format!(
        "xtask {} recipe {RECIPE}\n{compiler}",
        env!("CARGO_PKG_VERSION")
    );
    digest::of_folder(source, &recipe)
}

/// Whether `inputs` is what `record` says and each output is the file that was written with its digest.
fn is_current(record: &Path, inputs: &str, outputs: &[PathBuf]) -> bool {
    fs::read_to_string(record).is_ok_and(|kept| kept.trim() == inputs)
        && outputs.iter().all(|output| {
            let (Ok(bytes), Ok(kept)) = (fs::read(output), fs::read_to_string(digest_path(output)))
            else {
                return false;
            };
            kept.split_whitespace().next() == Some(digest::of_bytes(&bytes).as_str())
        })
}

/// Compiles the guests that are crates, all in one call.
fn compile(places: &Places, guests: &[Guest]) -> Result<()> {
    let mut command = cargo::cargo_in_plugins(places);
    command.args(["build", "--release", "--lib", "--target", WASM_TARGET]);
    let mut is_any = false;
    for guest in guests {
        if let Source::Crate { package, .. } = &guest.source {
            command.args(["--package", package]);
            is_any = true;
        }
    }
    if !is_any {
        return Ok(());
    }
    let flags = guest_flags(places)?;
    command
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET");
    cargo::check(&mut command)
}

/// Flags that give guests their stack, and keep the paths of this machine out of the output, so that every machine
/// writes the same bytes.
fn guest_flags(places: &Places) -> Result<OsString> {
    let version = cargo::read(Command::new(rustc()).arg("-vV"))?;
    let commit = version
        .lines()
        .find_map(|line| line.strip_prefix("commit-hash: "))
        .unwrap_or("unknown");
    let sysroot = headwater_component::sysroot()?;
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    // The last prefix that matches wins, so what may be inside the root comes after it.
    let mut pairs = vec![(places.root().to_owned(), "/headwater".to_owned())];
    if let Some(home) = home {
        pairs.push((home, "/cargo".to_owned()));
    }
    // Where the library's sources are installed, rustc names them there; elsewhere by the commit.
    pairs.push((
        Path::new(&sysroot).join("lib/rustlib/src/rust"),
        format!("/rustc/{commit}"),
    ));
    pairs.push((places.plugins_build(), "/build".to_owned()));

    Ok(headwater_component::compiler_flags(&pairs))
}

/// Writes the guest's component and its digest, and returns the digest.
fn finish(places: &Places, guest: &Guest, output: &Path) -> Result<String> {
    let bytes = match &guest.source {
        Source::Crate { library, .. } => {
            let path = places
                .plugins_build()
                .join(WASM_TARGET)
                .join("release")
                .join(format!("{library}.wasm"));
            let core =
                fs::read(&path).with_context(|| format!("cargo built no {}", path.display()))?;
            headwater_component::from_core(&core)?
        }
        Source::Text(path) => {
            let text = headwater_testkit::guest_text(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            headwater_component::from_text(&text, path, &places.root().join("plugins/wit/v0.1"))?
        }
    };
    let digest = digest::of_bytes(&bytes);
    write(output, &bytes)?;
    let name = output.file_name().context("an output has a file name")?;
    // The format of sha256sum, which can then check it.
    let line = format!("{digest}  {}\n", name.to_string_lossy());
    write(&digest_path(output), line.as_bytes())?;
    Ok(digest)
}

fn digest_path(output: &Path) -> PathBuf {
    output.with_extension("wasm.sha256")
}

/// Writes through a neighbouring file and a rename: a reader sees the old bytes or the new ones.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().context("a file is in a folder")?;
    let written = fs::create_dir_all(folder).and_then(|()| {
        let mut file = tempfile::Builder::new()
            // What is built is for everybody to read; a temporary file is its owner's alone by default.
            .permissions(Permissions::from_mode(0o644))
            .tempfile_in(folder)?;
        std::io::Write::write_all(&mut file, bytes)?;
        file.persist(path)?;
        Ok(())
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Removes the components of guests that are no longer there: a server would go on loading them.
fn remove_others(folder: &Path, outputs: &[PathBuf]) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let kept: BTreeSet<PathBuf> = outputs
        .iter()
        .flat_map(|output| [output.clone(), digest_path(output)])
        .collect();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.to_string_lossy();
        let is_output = name.ends_with(".wasm") || name.ends_with(".wasm.sha256");
        if is_output && !kept.contains(&path) {
            remove_if_there(&path)?;
        }
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes one output with its digest and a record, changes them, and asks whether they are current.
    #[track_caller]
    fn check(change: impl FnOnce(&Path), expected: bool) {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("dbt.wasm");
        let record = folder.path().join(RECORD);
        write(&output, b"component").unwrap();
        let line = format!("{}  dbt.wasm\n", digest::of_bytes(b"component"));
        write(&digest_path(&output), line.as_bytes()).unwrap();
        write(&record, b"abc\n").unwrap();
        change(folder.path());
        assert_eq!(is_current(&record, "abc", &[output]), expected);
    }

    #[test]
    fn what_was_built_from_these_inputs_is_current() {
        check(|_| {}, true);
    }

    #[test]
    fn other_inputs_make_an_output_stale() {
        check(
            |folder| fs::write(folder.join(RECORD), "abd\n").unwrap(),
            false,
        );
        check(
            |folder| fs::remove_file(folder.join(RECORD)).unwrap(),
            false,
        );
    }

    #[test]
    fn an_output_that_is_gone_or_was_changed_is_stale() {
        check(
            |folder| fs::remove_file(folder.join("dbt.wasm")).unwrap(),
            false,
        );
        check(
            |folder| fs::write(folder.join("dbt.wasm"), "other").unwrap(),
            false,
        );
        check(
            |folder| fs::remove_file(folder.join("dbt.wasm.sha256")).unwrap(),
            false,
        );
    }

    #[test]
    fn components_of_guests_that_are_gone_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "a.wasm",
            "a.wasm.sha256",
            "b.wasm",
            "b.wasm.sha256",
            "notes",
        ] {
            write(&folder.path().join(name), b"x").unwrap();
        }
        remove_others(folder.path(), &[folder.path().join("a.wasm")]).unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["a.wasm", "a.wasm.sha256", "notes"]);
    }

    #[test]
    fn paths_of_this_machine_are_mapped_away() {
        let places = Places::new(Path::new("/p"), None, Path::new("/p"));
        let flags = guest_flags(&places).unwrap().into_string().unwrap();
        assert!(
            flags.starts_with("--remap-path-prefix=/p=/headwater\u{1f}"),
            "{flags}"
        );
        assert!(flags.contains("=/cargo\u{1f}"), "{flags}");
        assert!(
            flags.contains("--remap-path-prefix=/p/target/plugins-build=/build\u{1f}"),
            "{flags}"
        );
        assert!(
            flags.ends_with("-Clink-arg=-zstack-size=16777216"),
            "{flags}"
        );
    }
}
