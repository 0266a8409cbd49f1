//! Real manifests through the sandbox into the service.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use headwater_tests::service::{Service, data, extractor, run};
use serde_json::Value;

fn manifests(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            manifests(&path, found)?;
        } else if path.file_name().is_some_and(|name| name == "manifest.json") {
            found.push(path);
        }
    }
    found.sort();
    Ok(())
}

/// Declared datasets, counted straight from the manifest: enabled seeds, snapshots and models that leave something
/// behind, of the project itself or of a package.
fn expected_datasets(manifest: &Value) -> usize {
    let nodes = manifest["nodes"].as_object().into_iter().flatten();
    let names = nodes
        .map(|(_, node)| node)
        .filter(|node| {
            matches!(
                node["resource_type"].as_str(),
                Some("model" | "seed" | "snapshot")
            )
        })
        .filter(|node| node["config"]["enabled"] != false)
        .filter(|node| node["config"]["materialized"] != "ephemeral")
        .filter(|node| {
            node["original_file_path"]
                .as_str()
                .is_none_or(|path| !path.is_empty())
        })
        .map(|node| {
            ["database", "schema", "alias"]
                .map(|key| node[key].as_str().unwrap_or_default().to_owned())
        });
    names.collect::<BTreeSet<_>>().len()
}

#[test]
fn every_real_manifest_is_extracted_and_accepted() -> Result<()> {
    let Some(data) = data() else {
        println!("skipped every manifest: no real input");
        return Ok(());
    };
    let mut files = Vec::new();
    for folder in ["fixtures/dbt", "fixtures/dbt-own-runs"] {
        manifests(&data.join(folder), &mut files)?;
    }
    assert!(files.len() > 20, "{} manifests", files.len());
    let component = extractor("plugins", "dbt")?;
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &[])?;
    for (at, file) in files.iter().enumerate() {
        let domain = format!("domain-{at}");
        let ran = run(&[
            "submit".as_ref(),
            "--server".as_ref(),
            service.url.as_ref(),
            "--domain".as_ref(),
            domain.as_ref(),
            "--source".as_ref(),
            "dbt".as_ref(),
            "--plugin".as_ref(),
            component.as_os_str(),
            "--set".as_ref(),
            std::ffi::OsStr::new(&format!("namespace=test://{at}")),
            file.as_os_str(),
        ])?;
        assert_eq!(ran.code, Some(0), "{}: {}", file.display(), ran.err);
        let manifest: Value = serde_json::from_slice(&std::fs::read(file)?)?;
        let answer = service.ask(&format!(
            "{{ domain(name: \"{domain}\") {{ datasets {{ totalCount }} }} }}"
        ))?;
        let found = answer["data"]["domain"]["datasets"]["totalCount"]
            .as_u64()
            .context("a count")?;
        assert_eq!(
            found,
            expected_datasets(&manifest) as u64,
            "{}",
            file.display()
        );
    }
    println!("{} manifests", files.len());
    Ok(())
}
