//! An author's way: a new project, built, tested in the sandbox, run, its result accepted by the service.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::Result;
use headwater_tests::service::{binary, target_dir};

/// Runs the binary in a project; what cargo compiles is kept between runs.
fn run(folder: &Path, words: &[&str]) -> Result<(Option<i32>, String, String)> {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(binary()?)
        .args(words)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target_dir().join("authors"))
        .output()?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ok((status.code(), text(&stdout), text(&stderr)))
}

#[test]
fn a_new_project_builds_and_its_cases_hold_as_it_is() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (code, told, err) = run(folder.path(), &["plugin", "new", "shop-billing"])?;
    assert_eq!(code, Some(0), "{err}");
    assert!(told.contains("cd shop-billing"), "{told}");
    let project = folder.path().join("shop-billing");
    let (code, built, err) = run(&project, &["plugin", "build", "--format", "json"])?;
    assert_eq!(code, Some(0), "{err}");
    let built: serde_json::Value = serde_json::from_str(&built)?;
    assert_eq!(built["name"], "shop-billing");
    assert_eq!(built["apiVersion"], "0.1");
    let component = built["file"].as_str().unwrap_or_default().to_owned();
    let (code, tested, err) = run(&project, &["plugin", "test", "--component", &component])?;
    assert_eq!(code, Some(0), "{tested}{err}");
    assert_eq!(tested, "same     a_table_made_of_two\n");

    // What is expected is compared, and accepted only when asked.
    let expected = project.join("tests/golden/a_table_made_of_two/expected.json");
    let right = fs::read_to_string(&expected)?;
    fs::write(&expected, right.replace("clean orders", "dirty orders"))?;
    let test = ["plugin", "test", "--component", &component];
    let (code, tested, err) = run(&project, &test)?;
    assert_eq!(code, Some(5), "{err}");
    let place = "/edges/0/to/name is \"clean orders\", not \"dirty orders\"";
    assert!(tested.contains(place), "{tested}");
    let (code, tested, _) = run(&project, &[&test[..], &["--update"]].concat())?;
    assert_eq!(
        (code, tested.as_str()),
        (Some(0), "updated  a_table_made_of_two\n")
    );
    assert_eq!(fs::read_to_string(&expected)?, right);
    Ok(())
}

#[test]
fn a_project_is_not_made_over_another_one() -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("billing"))?;
    fs::write(folder.path().join("billing/notes"), "mine")?;
    let (code, _, err) = run(folder.path(), &["plugin", "new", "billing"])?;
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("billing is there already"), "{err}");
    let (code, _, err) = run(folder.path(), &["plugin", "new", "Billing"])?;
    assert_eq!(code, Some(3), "{err}");
    let (code, _, err) = run(folder.path(), &["plugin", "build"])?;
    assert_eq!(code, Some(3), "{err}");
    assert!(
        err.contains("has neither Cargo.toml nor pyproject.toml"),
        "{err}"
    );
    Ok(())
}
