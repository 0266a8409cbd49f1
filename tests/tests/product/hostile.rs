//! Extractors that mean harm: the error a user sees.

use std::fs;
use std::io::Write as _;

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use headwater_tests::service::{Service, extractor, root, run, run_in};
use serde_json::{Value, json};

fn extract(name: &str) -> Result<(Option<i32>, String)> {
    let component = extractor("plugins-hostile", name)?;
    let manifest = root().join("examples/mesh/orders/artifacts/manifest.json");
    let ran = run(&[
        "extract".as_ref(),
        "--plugin".as_ref(),
        component.as_os_str(),
        manifest.as_os_str(),
    ])?;
    assert_eq!(ran.out, "", "nothing is kept of a call that failed");
    Ok((ran.code, ran.err))
}

#[test]
fn an_endless_loop_is_stopped() -> Result<()> {
    let (code, said) = extract("endless-loop")?;
    assert_ne!(code, Some(0));
    assert!(said.contains("it ran longer than"), "{said}");
    Ok(())
}

#[test]
fn a_memory_bomb_is_stopped() -> Result<()> {
    let (code, said) = extract("memory-bomb")?;
    assert_ne!(code, Some(0));
    assert!(said.contains("of memory; one call may use"), "{said}");
    Ok(())
}

#[test]
fn lying_ids_are_named() -> Result<()> {
    let (code, said) = extract("lying-ids")?;
    assert_ne!(code, Some(0));
    assert!(said.contains("was not sent"), "{said}");
    Ok(())
}

#[test]
fn foreign_imports_are_refused_before_anything_runs() -> Result<()> {
    let (code, said) = extract("foreign-imports")?;
    assert_ne!(code, Some(0));
    assert!(said.contains("may import nothing but"), "{said}");
    Ok(())
}

const MESH: &str = "[[domain]]\nname = \"orders\"\ndatasets = [\"files/orders\"]\n";

/// What the graph says of a dataset of the domain orders, and of the job that reads it.
fn told(service: &Service) -> Result<Value> {
    let answer = service.ask(
        "{ dataset(namespace: \"files\", name: \"orders\") {
             description domain { name } owners { name } consumedBy { nodes { name } } }
           job(namespace: \"files\", name: \"load\") { outputs { nodes { name } } } }",
    )?;
    Ok(answer["data"].clone())
}

#[test]
fn an_extractor_speaks_for_its_own_source_and_takes_nothing_from_others() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (mesh, file) = (folder.path().join("mesh.toml"), folder.path().join("a.txt"));
    fs::write(&mesh, MESH)?;
    fs::write(&file, "orders")?;
    let mesh = mesh.to_str().context("UTF-8")?;
    let service = Service::start(&folder.path().join("data"), &["--mesh", mesh])?;
    let submit = |guest: &str, domain: &str| -> Result<()> {
        let component = extractor("plugins-hostile", guest)?.canonicalize()?;
        let words = [
            "submit", "--domain", domain, "--source", "files", "--plugin",
        ];
        let component = [component.to_str().context("UTF-8")?, "a.txt"];
        let server = ["--server", service.url.as_str()];
        let ran = run_in(
            folder.path(),
            &[&words[..], &component, &server].concat(),
            b"",
        )?;
        assert_eq!(ran.code, Some(0), "{guest}: {}", ran.err);
        Ok(())
    };
    submit("mirror", "orders")?;
    let own = told(&service)?;
    let expected = json!({
        "dataset": {"description": null, "domain": {"name": "orders"}, "owners": [],
            "consumedBy": {"nodes": [{"name": "load"}]}},
        "job": {"outputs": {"nodes": [{"name": "mart"}]}},
    });
    assert_eq!(own, expected);

    // That somebody else is silent ends nothing.
    submit("silences-others", "growth")?;
    assert_eq!(told(&service)?, own);

    // What somebody else says is added under their name: nothing is taken away, and the domain is whose the mesh says.
    submit("speaks-for-others", "growth")?;
    let added = json!({
        "dataset": {"description": "free to take", "domain": {"name": "orders"}, "owners": [{"name": "growth"}],
            "consumedBy": {"nodes": [{"name": "load"}]}},
        "job": {"outputs": {"nodes": [{"name": "mart"}, {"name": "stolen"}]}},
    });
    assert_eq!(told(&service)?, added);

    // It ends with their source alone.
    submit("silences-others", "growth")?;
    assert_eq!(told(&service)?, own);
    Ok(())
}

#[test]
fn packed_bombs_cost_their_own_file_and_no_more() -> Result<()> {
    const BYTES: usize = 300 << 20;
    let folder = tempfile::tempdir()?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&vec![b'\n'; BYTES])?;
    let bomb = encoder.finish()?;
    for (plugin, name, finding) in [
        ("spark", "bomb.jsonl.gz", "spark/compression"),
        ("query-history", "bomb.json.gz", "query-history/encoding"),
    ] {
        fs::write(folder.path().join(name), &bomb)?;
        let component = extractor("plugins", plugin)?.canonicalize()?;
        let component = component.to_str().context("UTF-8")?;
        let ran = run_in(
            folder.path(),
            &["extract", "--plugin", component, name],
            b"",
        )?;
        let told = format!("{}{}", ran.out, ran.err);
        assert!(told.contains(finding), "{plugin}: {told}");
        assert!(
            told.contains("unpacked, it has more than 268435456 bytes"),
            "{plugin}: {told}"
        );
    }
    Ok(())
}
