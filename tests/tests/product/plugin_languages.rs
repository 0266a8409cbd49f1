//! An author's way in other languages: a project in Python, and a component built by hand of TypeScript.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use headwater_tests::service::{binary, root, target_dir};
use serde_json::Value;

/// What a program printed.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

fn ran(command: &mut Command) -> Result<Ran> {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .with_context(|| format!("{command:?} does not start"))?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ok(Ran {
        code: status.code(),
        out: text(&stdout),
        err: text(&stderr),
    })
}

/// Runs the binary in a project; whatever pip is asked for comes from `wheels`, and from nowhere else.
fn run(folder: &Path, wheels: &Path, words: &[&str]) -> Result<Ran> {
    ran(Command::new(binary()?)
        .args(words)
        .current_dir(folder)
        .env("PIP_NO_INDEX", "1")
        .env("PIP_FIND_LINKS", wheels))
}

fn has_python() -> bool {
    let asked = Command::new("python3").arg("--version").output();
    asked.is_ok_and(|asked| asked.status.success())
}

/// What `cargo xtask authors` has put into a folder of the target directory.
fn made(name: &str) -> Option<PathBuf> {
    let made = target_dir().join(name);
    // Written last: what could not be fetched whole is not there.
    made.join(".inputs.sha256").is_file().then_some(made)
}

/// A project in Python in the target directory, as the binary makes it now; what was built of the same sources is kept.
fn python_project(name: &str) -> Result<PathBuf> {
    let authors = target_dir().join("authors-python");
    fs::create_dir_all(&authors)?;
    let fresh = tempfile::tempdir_in(&authors)?;
    let path = fresh.path().join(name).display().to_string();
    let words = ["plugin", "new", name, "--lang", "python", "--path", &path];
    let made = run(fresh.path(), Path::new(""), &words)?;
    ensure!(made.code == Some(0), "{}", made.err);
    ensure!(made.out.contains("headwater plugin build"), "{}", made.out);
    let project = authors.join(name);
    if project.join("target").is_dir() {
        fs::rename(
            project.join("target"),
            fresh.path().join(name).join("target"),
        )?;
    }
    if project.exists() {
        fs::remove_dir_all(&project)?;
    }
    fs::rename(fresh.path().join(name), &project)?;
    Ok(project)
}

#[test]
fn a_new_project_in_python_builds_and_its_cases_hold_as_it_is() -> Result<()> {
    let Some(wheels) = made("python-wheels") else {
        println!("skipped: `cargo xtask authors` fetches what a project in Python installs");
        return Ok(());
    };
    let project = python_project("shop-billing")?;
    let build = ["plugin", "build", "--format", "json"];
    let first = run(&project, &wheels, &build)?;
    assert_eq!(first.code, Some(0), "{}", first.err);
    let built: Value = serde_json::from_str(&first.out)?;
    assert_eq!(built["name"], "shop-billing");
    assert_eq!(built["refusal"], Value::Null);
    let imports = built["imports"].as_array().context("imports")?;
    assert!(
        imports.iter().all(|import| import
            .as_str()
            .is_some_and(|import| import.starts_with("headwater:extractor/"))),
        "{imports:?}"
    );

    // Neither is installed nor built again.
    let second = run(&project, &wheels, &build)?;
    assert_eq!((second.out, second.err.as_str()), (first.out, ""));

    let same = "same     a_table_made_of_two\n";
    let tested = run(&project, &wheels, &["plugin", "test"])?;
    assert_eq!((tested.out.as_str(), tested.code), (same, Some(0)));
    let natively = ran(Command::new("python3")
        .args(["-m", "unittest"])
        .current_dir(&project))?;
    assert_eq!(natively.code, Some(0), "{}", natively.err);

    // An exception is told with its place in the source and in the artifact, a damaged file with its place.
    fs::write(
        project.join("lineage.csv"),
        "source,target,job\n,shop.orders,clean\n",
    )?;
    let words = ["extract", "--plugin", "shop-billing", "lineage.csv"];
    let failed = run(&project, &wheels, &words)?;
    assert_eq!(failed.code, Some(1), "{}", failed.err);
    for told in [
        "FactError: the name is empty, at shop_billing_extractor.py:",
        "(read) < shop_billing_extractor.py:",
        "while reading lineage.csv, line 2",
    ] {
        assert!(failed.err.contains(told), "{told} is not in {}", failed.err);
    }
    fs::write(
        project.join("lineage.csv"),
        b"source,target,job\na,\xff,b\n",
    )?;
    let refused = run(&project, &wheels, &words)?;
    assert_eq!(refused.code, Some(3), "{}", refused.err);
    assert!(
        refused.err.contains("lineage.csv line 2"),
        "{}",
        refused.err
    );

    // What Python refuses is told with its place, and what was built before stays.
    let source = project.join("src/shop_billing_extractor.py");
    let right = fs::read_to_string(&source)?;
    fs::write(&source, format!("{right}def f(:\n"))?;
    let refused = run(&project, &wheels, &build)?;
    assert_eq!(refused.code, Some(3), "{}", refused.err);
    let place = format!(
        "File \"src/shop_billing_extractor.py\", line {}",
        right.lines().count() + 1
    );
    assert!(refused.err.contains(&place), "{}", refused.err);
    fs::write(&source, right)?;
    let tested = run(&project, &wheels, &["plugin", "test"])?;
    assert_eq!((tested.out.as_str(), tested.code), (same, Some(0)));
    Ok(())
}

#[test]
fn a_project_in_python_that_cannot_be_built_says_what_is_missing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let nothing = folder.path().join("nothing");
    fs::create_dir(&nothing)?;
    let words = ["plugin", "new", "billing", "--lang", "python"];
    let made = run(folder.path(), &nothing, &words)?;
    assert_eq!(made.code, Some(0), "{}", made.err);
    let project = folder.path().join("billing");
    let build = |told: &[&str], code| -> Result<()> {
        let built = run(&project, &nothing, &["plugin", "build"])?;
        for told in told {
            assert!(built.err.contains(told), "{told} is not in {}", built.err);
        }
        assert_eq!(built.code, Some(code), "{}", built.err);
        Ok(())
    };
    if has_python() {
        let told = [
            "cannot install what",
            "requirements.txt names",
            "network",
            "componentize-py",
        ];
        build(&told, 1)?;
    } else {
        build(&["there is no python3"], 1)?;
    }
    fs::remove_file(project.join("requirements.txt"))?;
    build(&["cannot read", "requirements.txt"], 3)?;
    fs::write(
        project.join("pyproject.toml"),
        "[project]\nname = \"billing\"\n",
    )?;
    build(&["pyproject.toml", "tool", "[tool.headwater] module"], 3)
}

#[test]
fn the_sdk_in_python_keeps_its_own_tests() -> Result<()> {
    if !has_python() {
        println!("skipped: there is no python3");
        return Ok(());
    }
    let tested = ran(Command::new("python3")
        .args(["-m", "unittest"])
        .current_dir(root().join("plugins/sdk-python")))?;
    assert_eq!(tested.code, Some(0), "{}", tested.err);
    // `unittest` calls no tests at all a success.
    assert!(!tested.err.contains("Ran 0 tests"), "{}", tested.err);
    Ok(())
}

#[test]
fn a_component_built_by_hand_of_typescript_extracts() -> Result<()> {
    let Some(folder) = made("typescript-example") else {
        println!("skipped: `cargo xtask authors` builds the extractor in TypeScript");
        return Ok(());
    };
    let component = folder.join("typescript-example.wasm").display().to_string();
    let source = root().join("plugins/typescript-example");
    let words = ["plugin", "test", "--component", &component];
    let tested = run(&source, &folder, &words)?;
    assert_eq!(tested.code, Some(0), "{}{}", tested.out, tested.err);
    assert_eq!(tested.out, "same     a_table_made_of_two\n");

    let folder = tempfile::tempdir()?;
    for (text, code, told) in [
        (
            &b"not,the,header\n"[..],
            3,
            "could not read lineage.csv: the first line is source,target,job",
        ),
        (
            b"\xff",
            3,
            "could not read lineage.csv: the file is not UTF-8",
        ),
        (
            b"source,target,job\n,a,b\n",
            1,
            "entities[1].name: \"\" is empty",
        ),
    ] {
        fs::write(folder.path().join("lineage.csv"), text)?;
        let words = ["extract", "--plugin", &component, "lineage.csv"];
        let refused = run(folder.path(), folder.path(), &words)?;
        assert_eq!(refused.code, Some(code), "{}", refused.err);
        assert!(refused.err.contains(told), "{}", refused.err);
    }
    Ok(())
}
