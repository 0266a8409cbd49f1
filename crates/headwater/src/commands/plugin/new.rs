//! `headwater plugin new`: a project that builds, tests and extracts as it is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use include_dir::{Dir, include_dir};

use crate::failure::{Exit, Failure};
use crate::output;

static RUST: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/scaffold/rust");
static PYTHON: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/scaffold/python");
static PYTHON_SDK: Dir<'_> =
    include_dir!("$CARGO_MANIFEST_DIR/../../plugins/sdk-python/headwater_extractor");
static SDK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../plugins/sdk/src");
static CONTRACT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../plugins/wit");
const SDK_MANIFEST: &str = include_str!("../../../../../plugins/sdk/Cargo.toml");
const WORKSPACE_MANIFEST: &str = include_str!("../../../../../plugins/Cargo.toml");
const LOCK: &str = include_str!("../../../../../plugins/Cargo.lock");

/// The longest name of an extractor.
const NAME_BYTES_MAX: usize = 64;
/// Names that crates and modules can't have beside the compiler's own and the SDK's.
const TAKEN: [&str; 6] = [
    "alloc",
    "core",
    "headwater",
    "headwater-extractor",
    "std",
    "test",
];

/// Begin an extractor of your own
///
/// Makes a project with an extractor that works, its golden cases, the SDK and the contract. Nothing is fetched; the
/// first build fetches the crates that the SDK uses, or for Python what requirements.txt names.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater plugin new billing
  headwater plugin new billing --lang python
  headwater plugin new billing --path extractors/billing
  cd billing && headwater plugin build && headwater plugin test")]
pub(super) struct NewArgs {
    /// What it is called: small letters, digits and hyphens
    name: String,

    /// The language it is written in
    #[arg(long = "lang", value_enum, default_value_t = Language::Rust)]
    language: Language,

    /// Where to make the project [default: a folder of its name]
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Language {
    Rust,
    Python,
}

/// Runs the command.
pub(super) fn run(args: &NewArgs) -> anyhow::Result<()> {
    check_name(&args.name)?;
    let folder = args
        .path
        .clone()
        .unwrap_or_else(|| PathBuf::from(&args.name));
    let shown = folder.display();
    let is_taken = fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some());
    if is_taken || folder.is_file() {
        let message = format!("{shown} is there already");
        return Err(Failure::new(Exit::Input, message)
            .hint("name another folder with --path")
            .into());
    }
    let write = match args.language {
        Language::Rust => write_rust,
        Language::Python => write_python,
    };
    // Whoever interrupts this finds no half of a project.
    let beside = folder.with_extension("new");
    let made = write(&args.name, &beside).and_then(|()| {
        if folder.is_dir() {
            fs::remove_dir(&folder)?;
        }
        Ok(fs::rename(&beside, &folder)?)
    });
    if made.is_err() {
        // What is left says no more than the error.
        let _ = fs::remove_dir_all(&beside);
    }
    made.with_context(|| Failure::new(Exit::Failed, format!("cannot write {shown}")))?;
    output::print(&format!(
        "{shown} is an extractor that reads lineage.csv. Next:\n\n  cd {shown}\n  headwater plugin build\n  headwater plugin test\n"
    ))
}

/// # Errors
/// A [`Failure`] with the rule that `name` breaks.
pub(super) fn check_name(name: &str) -> Result<(), Failure> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = name.len() <= NAME_BYTES_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(is_plain)
        && !name.ends_with('-')
        && !TAKEN.contains(&name);
    if is_name {
        return Ok(());
    }
    let message = format!("{name:?} can't be the name of an extractor");
    let rule = format!(
        "small letters, digits and hyphens, a letter first, at most {NAME_BYTES_MAX}, none of {}",
        TAKEN.join(", ")
    );
    Err(Failure::new(Exit::Input, message).hint(rule))
}

/// What a template's marks stand for in the project `name`.
fn filled(name: &str, text: &str) -> String {
    let kind: String = name.split('-').map(capitalised).collect();
    text.replace("{{name}}", name)
        .replace("{{crate}}", &name.replace('-', "_"))
        .replace("{{module}}", &module_of(name))
        .replace("{{type}}", &kind)
}

/// The module of an extractor in Python: no name of Python's own library ends so.
fn module_of(name: &str) -> String {
    name.replace('-', "_") + "_extractor"
}

fn write_python(name: &str, folder: &Path) -> anyhow::Result<()> {
    write_all(&PYTHON, folder, &|text| filled(name, text))?;
    let module = format!("src/{}.py", module_of(name));
    fs::rename(folder.join("src/extractor.py"), folder.join(module))?;
    let sdk = folder.join("sdk/headwater_extractor");
    write_all(&PYTHON_SDK, &sdk, &str::to_owned)?;
    write_all(&CONTRACT, &folder.join("wit"), &str::to_owned)
}

fn write_rust(name: &str, folder: &Path) -> anyhow::Result<()> {
    let fill = |text: &str| filled(name, text);
    write_all(&RUST, folder, &fill)?;
    write_all(&SDK, &folder.join("sdk/src"), &str::to_owned)?;
    write_all(&CONTRACT, &folder.join("wit"), &str::to_owned)?;
    let manifest = folder.join("Cargo.toml");
    let workspace = workspace_of_project()?;
    fs::write(&manifest, fs::read_to_string(&manifest)? + &workspace)?;
    fs::write(folder.join("sdk/Cargo.toml"), SDK_MANIFEST)?;
    fs::write(folder.join("Cargo.lock"), LOCK)?;
    Ok(())
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
        .unwrap_or_default()
}

/// Writes the files of `from` into `folder`; a file `x.template` becomes `x`, filled in.
fn write_all(from: &Dir<'_>, folder: &Path, fill: &dyn Fn(&str) -> String) -> anyhow::Result<()> {
    for file in from.files() {
        let path = folder.join(file.path());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let text = file.contents_utf8().context("the kit is text")?;
        if path.file_name().is_some_and(|name| name == "gitignore") {
            fs::write(path.with_file_name(".gitignore"), text)?;
        } else if path.extension().is_some_and(|end| end == "template") {
            fs::write(path.with_extension(""), fill(text))?;
        } else {
            fs::write(path, fill(text))?;
        }
    }
    from.dirs()
        // What Python leaves beside its sources was made of them.
        .filter(|dir| !dir.path().ends_with("__pycache__"))
        .try_for_each(|dir| write_all(dir, folder, fill))
}

/// The workspace that the SDK is a member of, as the one that it comes from has it.
fn workspace_of_project() -> anyhow::Result<String> {
    let sdk: toml::Table = SDK_MANIFEST.parse().context("the SDK's manifest")?;
    let mut all: toml::Table = WORKSPACE_MANIFEST.parse().context("its workspace")?;
    let used = dependencies(&sdk);
    let mut workspace = all
        .remove("workspace")
        .and_then(|workspace| workspace.as_table().cloned())
        .context("its workspace")?;
    workspace.remove("exclude");
    workspace.insert("members".into(), vec!["sdk"].into());
    if let Some(known) = workspace
        .get_mut("dependencies")
        .and_then(toml::Value::as_table_mut)
    {
        known.retain(|name, _| used.contains(name));
    }
    let mut manifest = toml::Table::new();
    manifest.insert("workspace".into(), workspace.into());
    manifest.extend(all.remove_entry("profile"));
    Ok(toml::to_string(&manifest)?)
}

/// The names of all that a manifest depends on.
fn dependencies(manifest: &toml::Table) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (key, value) in manifest {
        let Some(table) = value.as_table() else {
            continue;
        };
        if key.ends_with("dependencies") {
            found.extend(table.keys().cloned());
        } else if key == "target" {
            let of_targets = table.values().filter_map(toml::Value::as_table);
            found.extend(of_targets.flat_map(dependencies));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_of_a_crate() {
        for name in ["billing", "b2", "my-own-extractor"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "Billing",
            "2b",
            "-b",
            "b-",
            "a_b",
            "a/b",
            "..",
            "test",
            "headwater",
        ] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name(&"a".repeat(65)).is_err());
    }

    #[test]
    fn the_workspace_has_what_the_sdk_uses_and_nothing_else() {
        let workspace: toml::Table = workspace_of_project().unwrap().parse().unwrap();
        let known = workspace["workspace"]["dependencies"].as_table().unwrap();
        let sdk: toml::Table = SDK_MANIFEST.parse().unwrap();
        let known: BTreeSet<String> = known.keys().cloned().collect();
        assert_eq!(known, dependencies(&sdk));
        assert!(known.contains("wit-bindgen") && known.contains("sha2"));
        assert_eq!(
            workspace["profile"]["release"]["panic"].as_str(),
            Some("abort")
        );
    }
}
