//! A project in Python: its environment is made once, `componentize-py` makes the component.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::Context as _;
use headwater_model::Digest;
use serde::Deserialize;

use super::new::check_name;
use crate::failure::{Exit, Failure};
use crate::output::{self, Tone};

/// The file that says a project is one in Python.
pub(super) const MANIFEST: &str = "pyproject.toml";
/// What is installed, by version and hash.
const LOCK: &str = "requirements.txt";
/// Where in the project modules are looked up; a component names them `/0`, `/1`.
const SOURCES: [&str; 2] = ["src", "sdk"];
/// Where in the project the contract is.
const CONTRACT: &str = "wit/v0.1";
/// Changes with how a component is made, so that an older one is never taken for current.
const RECIPE: &str = "1";
/// Files of a project that are looked at.
const FILES_MAX: usize = 20_000;
/// Of what a program printed before it failed, as many of the last lines are shown.
const SHOWN_LINES_MAX: usize = 12;
/// The longest manifest that is read: 1 MiB.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;

#[derive(Deserialize)]
struct Manifest {
    project: Project,
    tool: Tool,
}

#[derive(Deserialize)]
struct Project {
    name: String,
}

#[derive(Deserialize)]
struct Tool {
    headwater: Headwater,
}

#[derive(Deserialize)]
struct Headwater {
    module: String,
}

/// Builds the project in `folder`; the path of its component.
///
/// # Errors
/// A [`Failure`]: [`Exit::Input`] if its manifest is wrong or Python refuses its modules, [`Exit::Failed`] if Python or
/// the network is missing.
pub(super) fn component_of(folder: &Path) -> anyhow::Result<PathBuf> {
    let manifest = manifest(&folder.join(MANIFEST))?;
    let (name, module) = (&manifest.project.name, &manifest.tool.headwater.module);
    let target = folder.join("target");
    let plugins = target.join("plugins");
    let component = plugins.join(format!("{name}.wasm"));
    // componentize-py takes seconds, and never writes the same bytes twice.
    let inputs = inputs_digest(folder)?;
    let record = plugins.join(format!("{name}.inputs"));
    let is_built = fs::read_to_string(&record).is_ok_and(|kept| kept == inputs);
    if is_built && component.is_file() {
        return Ok(component);
    }
    let environment = environment(folder, &target.join("python"))?;
    fs::create_dir_all(&plugins).with_context(|| format!("cannot make {}", plugins.display()))?;
    let beside = plugins.join(format!("{name}.wasm.new"));
    let mut command = Command::new(environment.join("bin/componentize-py"));
    command
        .args(["--quiet", "--world", "extractor", "--wit-path"])
        .arg(folder.join(CONTRACT))
        .args(["componentize", "--stub-wasi"]);
    for source in SOURCES {
        command.arg("--python-path").arg(folder.join(source));
    }
    command
        .arg(module)
        .arg("--output")
        .arg(&beside)
        // What else is installed can be imported, too.
        .env("VIRTUAL_ENV", &environment)
        .env("RUST_BACKTRACE", "0");
    let spinner = output::spinner(format!("building {name}"));
    let ran = run(&mut command);
    spinner.finish_and_clear();
    let ran = ran.context("componentize-py does not start")?;
    if !ran.status.success() {
        let message = format!("{name} does not build");
        return Err(Failure::new(Exit::Input, message)
            .hint(refusal(&String::from_utf8_lossy(&ran.stderr)))
            .into());
    }
    // What was built earlier was not built of these inputs.
    let _ = fs::remove_file(&record);
    fs::rename(&beside, &component)
        .and_then(|()| fs::write(&record, inputs))
        .with_context(|| format!("cannot write {}", component.display()))?;
    Ok(component)
}

/// A digest over all that a component is made of: names and bytes of the project's files, and how it is built.
fn inputs_digest(folder: &Path) -> anyhow::Result<String> {
    let mut files = vec![folder.join(MANIFEST), folder.join(LOCK)];
    for part in SOURCES.iter().chain(&[CONTRACT]) {
        collect(&folder.join(part), &mut files)?;
    }
    files.sort();
    let mut all = format!("{} {RECIPE}\n", env!("CARGO_PKG_VERSION"));
    for file in files {
        let name = file.strip_prefix(folder).unwrap_or(&file).display();
        let bytes = fs::read(&file).map_err(|error| unreadable(&file).because(error))?;
        // Writing to a string does not fail.
        let _ = writeln!(all, "{} {name}", Digest::of(&bytes));
    }
    Ok(Digest::of(all.as_bytes()).to_string())
}

/// The files below a folder, but for what Python leaves beside its sources.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder).because(error))?;
    for entry in entries {
        let entry = entry?;
        // Links are not followed: they may lead round in circles.
        if entry.file_type()?.is_dir() {
            if entry.file_name() != "__pycache__" {
                collect(&entry.path(), files)?;
            }
        } else {
            files.push(entry.path());
        }
        if files.len() > FILES_MAX {
            let message = format!("{} has more than {FILES_MAX} files", folder.display());
            return Err(Failure::new(Exit::Input, message).into());
        }
    }
    Ok(())
}

fn unreadable(path: &Path) -> Failure {
    Failure::new(Exit::Input, format!("cannot read {}", path.display()))
}

fn manifest(path: &Path) -> anyhow::Result<Manifest> {
    let shown = path.display();
    let wrong = |rule: String| Failure::new(Exit::Input, format!("{shown}: {rule}"));
    let length = fs::metadata(path)
        .map_err(|error| unreadable(path).because(error))?
        .len();
    if length > MANIFEST_BYTES_MAX {
        return Err(wrong(format!(
            "it has {length} bytes, more than {MANIFEST_BYTES_MAX}"
        ))
        .into());
    }
    let text = fs::read_to_string(path).map_err(|error| unreadable(path).because(error))?;
    let manifest: Manifest = toml::from_str(&text).map_err(|error| {
        wrong(error.to_string().trim_end().to_owned())
            .hint("an extractor's manifest has [project] name = \"…\" and [tool.headwater] module = \"…\"")
    })?;
    check_name(&manifest.project.name)
        .map_err(|error| wrong(format!("[project] {error}")).because(error))?;
    let module = &manifest.tool.headwater.module;
    let is_identifier = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && (part.bytes()).all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if !module.split('.').all(is_identifier) {
        return Err(wrong(format!(
            "[tool.headwater] module = {module:?} is no name of a module, as billing_extractor"
        ))
        .into());
    }
    Ok(manifest)
}

/// The virtual environment in `place` with what the project's lock file names; made where it is not there yet.
fn environment(folder: &Path, place: &Path) -> anyhow::Result<PathBuf> {
    let lock = folder.join(LOCK);
    let wanted = fs::read_to_string(&lock).map_err(|error| unreadable(&lock).because(error))?;
    // Written last: what was interrupted is made anew.
    let record = place.join(LOCK);
    if fs::read_to_string(&record).is_ok_and(|kept| kept == wanted) {
        return Ok(place.to_owned());
    }
    output::tell(
        Tone::Plain,
        &format!(
            "installing what {} names into {}",
            lock.display(),
            place.display()
        ),
    );
    let made = run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(place));
    let made = made.map_err(|error| {
        Failure::new(Exit::Failed, "there is no python3")
            .because(error)
            .hint("an extractor in Python is built with Python 3.10 or later")
    })?;
    if !made.status.success() {
        return Err(
            Failure::new(Exit::Failed, "python3 makes no virtual environment")
                .hint("it needs the module venv, in Debian the package python3-venv")
                .hint(last_lines(&said(&made)))
                .into(),
        );
    }
    let installed = run(Command::new(place.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args([
            "--disable-pip-version-check",
            "--require-hashes",
            "--requirement",
        ])
        .arg(&lock));
    let installed = installed.context("the virtual environment has no python")?;
    if !installed.status.success() {
        let message = format!("cannot install what {} names", lock.display());
        return Err(Failure::new(Exit::Failed, message)
            .hint("the first build needs the network, or what pip is configured to use instead; later ones don't")
            .hint(last_lines(&said(&installed)))
            .into());
    }
    if !place.join("bin/componentize-py").is_file() {
        let message = format!("{} does not name componentize-py", lock.display());
        return Err(Failure::new(Exit::Input, message).into());
    }
    fs::write(&record, wanted).with_context(|| format!("cannot write {}", record.display()))?;
    Ok(place.to_owned())
}

/// Runs a program that neither asks nor is heard before it ends.
fn run(command: &mut Command) -> std::io::Result<Output> {
    // Modules of another Python are no part of a build.
    for name in ["PYTHONHOME", "PYTHONPATH"] {
        command.env_remove(OsStr::new(name));
    }
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
}

fn said(ran: &Output) -> String {
    let (out, err) = (&ran.stdout, &ran.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

/// What Python said of a module, out of all that componentize-py prints around it.
fn refusal(text: &str) -> String {
    const BEFORE: &str = "AssertionError: ";
    let found = text
        .rfind(BEFORE)
        .map_or(text, |at| &text[at + BEFORE.len()..]);
    let found = found.split("\n\nCaused by:").next().unwrap_or(found);
    let found = found.split("\n\nStack backtrace:").next().unwrap_or(found);
    let mut found = found.to_owned();
    for (index, source) in SOURCES.iter().enumerate() {
        found = found.replace(&format!("\"/{index}/"), &format!("\"{source}/"));
    }
    last_lines(&found)
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES_MAX)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(MANIFEST);
        fs::write(&path, text).expect("a file");
        match (manifest(&path), expected) {
            (Ok(found), Ok(module)) => assert_eq!(found.tool.headwater.module, module),
            (Err(error), Err(rule)) => {
                let told = error.to_string();
                assert!(told.contains(rule), "{told}");
            }
            (found, _) => panic!("{text} gave {:?}", found.map(|found| found.project.name)),
        }
    }

    #[test]
    fn a_manifest_names_the_extractor_and_its_module() {
        let of = |name: &str, module: &str| {
            format!("[project]\nname = {name:?}\n[tool.headwater]\nmodule = {module:?}\n")
        };
        check(&of("billing", "a.b_extractor"), Ok("a.b_extractor"));
        check(&of("../x", "a"), Err("can't be the name of an extractor"));
        check(&of("billing", "../a"), Err("is no name of a module"));
        check(&of("billing", "--output"), Err("is no name of a module"));
        check("[project]\nname = \"billing\"", Err("missing field `tool`"));
        check("[project", Err("TOML"));
    }

    #[test]
    fn of_what_was_printed_only_what_python_said_is_shown() {
        let printed = "Traceback (most recent call last):\n  File \"/v/bin/componentize-py\", line 8, in <module>\n\
                       AssertionError: Traceback (most recent call last):\n  File \"/0/bad.py\", line 2, in <module>\n    \
                       import nosuchmodule\nModuleNotFoundError: No module named 'nosuchmodule'\n\n\nCaused by:\n    \
                       ModuleNotFoundError: No module named 'nosuchmodule'\n\nStack backtrace:\n   0: x\n";
        assert_eq!(
            refusal(printed),
            "Traceback (most recent call last):\n  File \"src/bad.py\", line 2, in <module>\n    \
             import nosuchmodule\nModuleNotFoundError: No module named 'nosuchmodule'"
        );
        assert_eq!(refusal("something else\n"), "something else");
        let many = "one of them\n".repeat(30);
        assert_eq!(refusal(&many).lines().count(), SHOWN_LINES_MAX);
    }
}
