//! `cargo xtask graphiql`: the GraphiQL page that the service serves, built once and kept packed in the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use flate2::{Compression, GzBuilder};
use serde::Deserialize;

use crate::cargo;
use crate::places::Places;
use crate::plugins::digest;

/// Where the page's sources, its lock file and what is built of it are.
const FOLDER: &str = "crates/headwater-server/graphiql";
/// The list of what is built, for the compiler.
const LIST: &str = "crates/headwater-server/src/graphiql/files.rs";
/// The licences of all that is in the page.
const NOTICES: &str = "NOTICES.txt";

/// What `graphiql` is asked for.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Keep the folder of the build, below the target directory.
    #[arg(long)]
    keep: bool,
}

#[derive(Deserialize)]
struct Lock {
    packages: BTreeMap<String, Package>,
}

#[derive(Deserialize)]
struct Package {
    version: Option<String>,
    license: Option<String>,
    #[serde(default)]
    dev: bool,
}

/// Builds the page with the versions that its lock file pins; needs Node.js 20 and the network.
pub(crate) fn run(places: &Places, args: &Args) -> Result<()> {
    let source = places.root().join(FOLDER);
    let build = places.target().join("graphiql");
    remove(&build)?;
    fs::create_dir_all(&build)?;
    for name in [
        "package.json",
        "package-lock.json",
        "vite.config.js",
        "index.html",
        "main.js",
        "page.css",
    ] {
        fs::copy(source.join(name), build.join(name))
            .with_context(|| format!("cannot copy {name}"))?;
    }
    npm(&build, &["ci", "--no-audit", "--no-fund"])?;
    npm(&build, &["run", "build"])?;
    let dist = build.join("dist");
    fs::write(dist.join(NOTICES), notices(&build)?)?;
    let kept = source.join("dist");
    remove(&kept)?;
    let mut files = Vec::new();
    collect(&dist, &mut files)?;
    files.sort();
    let mut list = heading();
    let mut packed_bytes = 0;
    for file in &files {
        let name = file.strip_prefix(&dist)?.to_str().context("no UTF-8")?;
        let bytes = fs::read(file)?;
        let packed = pack(&bytes)?;
        packed_bytes += packed.len();
        let place = kept.join(format!("{name}.gz"));
        fs::create_dir_all(place.parent().context("a file has a folder")?)?;
        fs::write(&place, &packed)?;
        list += &entry(name, &bytes)?;
    }
    list += "];\n";
    fs::write(places.root().join(LIST), list)?;
    cargo::check(cargo::cargo(places).args(["fmt", "--package", "headwater-server"]))?;
    if !args.keep {
        remove(&build)?;
    }
    println!(
        "wrote {} files of {packed_bytes} bytes to {FOLDER}/dist",
        files.len()
    );
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

fn npm(folder: &Path, arguments: &[&str]) -> Result<()> {
    cargo::check(Command::new("npm").args(arguments).current_dir(folder))
        .context("the page is built with npm, of Node.js 20 or later")
}

/// The same bytes whenever it runs: no time and no name are in the header.
fn pack(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut writer = GzBuilder::new().write(Vec::new(), Compression::best());
    writer.write_all(bytes)?;
    Ok(writer.finish()?)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn heading() -> String {
    "//! Written by `cargo xtask graphiql`: the files of the page, packed with gzip.\n\n\
     use super::File;\n\n\
     pub(super) const FILES: &[File] = &[\n"
        .to_owned()
}

fn entry(name: &str, bytes: &[u8]) -> Result<String> {
    let digest = digest::of_bytes(bytes);
    let kind = kind_of(name)?;
    let mut text = String::new();
    writeln!(
        text,
        "File {{ path: {name:?}, kind: {kind:?}, digest: {:?}, packed: include_bytes!(\"../../graphiql/dist/{name}.gz\") }},",
        &digest[..32]
    )?;
    Ok(text)
}

fn kind_of(name: &str) -> Result<&'static str> {
    Ok(match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("ttf") => "font/ttf",
        Some("txt") => "text/plain; charset=utf-8",
        _ => bail!("{name} is of no kind that the service serves"),
    })
}

/// The licence of every package that may be in the page; one text for those that share it.
fn notices(build: &Path) -> Result<String> {
    let lock: Lock = serde_json::from_str(&fs::read_to_string(build.join("package-lock.json"))?)
        .context("package-lock.json")?;
    let mut by_text: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let packages = lock.packages.iter();
    for (place, package) in packages.filter(|(place, package)| !place.is_empty() && !package.dev) {
        let folder = build.join(place);
        // What is for another platform is not installed, and not in the page.
        if !folder.is_dir() {
            continue;
        }
        let name = place.rsplit("node_modules/").next().unwrap_or(place);
        let version = package.version.as_deref().unwrap_or("?");
        let license = package.license.as_deref();
        let license = license.with_context(|| format!("{name} states no licence"))?;
        let text = license_text(&folder)?
            .unwrap_or_else(|| "(The package has no text of its licence.)\n".to_owned());
        let packages = by_text.entry(text).or_default();
        packages.insert(format!("{name} {version} ({license})"));
    }
    ensure!(!by_text.is_empty(), "package-lock.json names no package");
    let mut notices = "What the GraphiQL page is made of, and on which terms.\n".to_owned();
    for (text, packages) in &by_text {
        notices += "\n----------------------------------------------------------------------\n";
        for package in packages {
            writeln!(notices, "{package}")?;
        }
        notices += "\n";
        notices += text.trim();
        notices += "\n";
    }
    Ok(notices)
}

fn license_text(folder: &Path) -> Result<Option<String>> {
    let mut names: Vec<PathBuf> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.unwrap_or_default().to_ascii_lowercase();
            path.is_file() && (name.starts_with("licen") || name.starts_with("copying"))
        })
        .collect();
    names.sort();
    let Some(path) = names.first() else {
        return Ok(None);
    };
    let bytes = fs::read(path)?;
    Ok(Some(String::from_utf8_lossy(&bytes).replace("\r\n", "\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_twice_gives_the_same_bytes() {
        assert_eq!(pack(b"abc").unwrap(), pack(b"abc").unwrap());
    }

    #[test]
    fn a_file_of_an_unknown_kind_is_named() {
        assert_eq!(
            kind_of("assets/x.js").unwrap(),
            "text/javascript; charset=utf-8"
        );
        assert!(
            kind_of("x.woff9")
                .unwrap_err()
                .to_string()
                .contains("x.woff9")
        );
    }

    #[test]
    fn every_package_of_the_page_is_named_with_its_licence() {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("node_modules/@a/b");
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("LICENSE"), "Terms of b\r\n").unwrap();
        let lock = r#"{"packages": {"": {"version": "0"},
            "node_modules/@a/b": {"version": "1.2.3", "license": "MIT"},
            "node_modules/built": {"version": "1.0.0", "license": "MIT", "dev": true}}}"#;
        fs::write(folder.path().join("package-lock.json"), lock).unwrap();
        let text = notices(folder.path()).unwrap();
        assert!(text.contains("@a/b 1.2.3 (MIT)\n\nTerms of b\n"), "{text}");
        assert!(!text.contains("built"), "{text}");
    }
}
