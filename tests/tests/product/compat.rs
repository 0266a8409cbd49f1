//! What earlier releases wrote is opened, or what it is made from is. `tests/compat/README.md` says how to add to it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use headwater_tests::service::{Service, root, run};

use crate::data_folder::{digest, event, on};

const EVENTS: usize = 12;
const MESH: &str = "keep_runs = 5\n\n[[domain]]\nname = \"sales\"\ndatasets = [\"db/out-*\"]\n";

fn stored() -> PathBuf {
    root().join("tests/compat")
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path in UTF-8")
}

/// The versions of the formats that the program writes now. State and graph are rebuilt where they are older: they are
/// told, and none is required.
fn versions(graph: &Path) -> Result<Vec<(&'static str, u32, bool)>> {
    let graph = fs::read(graph)?;
    let number = graph.get(8..12).context("the header of a graph file")?;
    let graph = u32::from_le_bytes(number.try_into()?);
    Ok(vec![
        (
            "entries of the log",
            u32::from(headwater_record::LOG_VERSION),
            true,
        ),
        ("export", headwater_engine::EXPORT_VERSION, true),
        ("backup", headwater_store::BACKUP_VERSION, true),
        ("state", headwater_record::STATE_VERSION, false),
        ("graph", graph, false),
    ])
}

fn lines(versions: &[(&'static str, u32, bool)]) -> String {
    let lines = versions
        .iter()
        .map(|(name, version, _)| format!("{name} {version}\n"));
    lines.collect()
}

/// A stopped service's data folder with the events that every set has.
fn fill(data: &Path) -> Result<()> {
    let mesh = data.with_extension("mesh.toml");
    fs::write(&mesh, MESH)?;
    let mut service = Service::start(data, &["--mesh", text(&mesh)?])?;
    for number in 0..EVENTS {
        let answer = service.post("/api/v1/lineage", &[], event(number).as_bytes())?;
        ensure!(answer.status == 201, "{}", answer.text);
    }
    service.terminate()?;
    Ok(())
}

fn pack(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("a folder")?)?;
    let mut out = GzEncoder::new(File::create(to)?, Compression::best());
    out.write_all(&fs::read(from)?)?;
    out.finish()?;
    Ok(())
}

fn unpack(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("a folder")?)?;
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(from)?).read_to_end(&mut bytes)?;
    Ok(fs::write(to, bytes)?)
}

/// All files below `folder`, relative to it.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder)?.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Writes a set of files as the program writes them now.
fn make(set: &Path) -> Result<()> {
    ensure!(
        !set.exists(),
        "{} is there already, and stays as it is",
        set.display()
    );
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    fill(&data)?;
    let (export, backup) = (folder.path().join("export"), folder.path().join("backup"));
    for (command, arguments) in [
        ("export", vec!["--output", text(&export)?]),
        ("backup", vec![text(&backup)?]),
    ] {
        let ran = on(command, &data, &arguments)?;
        ensure!(ran.code == Some(0), "{}", ran.err);
    }
    let packed = |name: &Path| set.join(format!("{}.gz", name.display()));
    for file in files(&data)? {
        if file.file_name().is_some_and(|name| name != "LOCK") {
            pack(&data.join(&file), &packed(&Path::new("data").join(&file)))?;
        }
    }
    pack(&export, &packed(Path::new("export.ndjson")))?;
    pack(&backup, &packed(Path::new("backup")))?;
    fs::write(set.join("versions"), lines(&versions(&data.join("graph"))?))?;
    let digest = format!("{}\n{}\n", headwater_record::STATE_VERSION, digest(&data)?);
    Ok(fs::write(set.join("digest"), digest)?)
}

/// The program of today opens a set, and its log makes one state wherever it comes from.
fn check(set: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    for file in files(&set.join("data"))? {
        unpack(
            &set.join("data").join(&file),
            &data.join(file.with_extension("")),
        )?;
    }
    let mut service = Service::start(&data, &[])?;
    let answer = service.ask("{ snapshot { offset } }")?;
    let offset = answer["data"]["snapshot"]["offset"].as_u64();
    ensure!(offset == Some(EVENTS as u64 + 1), "{answer}");
    for number in 0..EVENTS {
        let query = format!(
            "{{ job(namespace: \"n\", name: \"j-{number}\") {{ outputs {{ totalCount }} }} }}"
        );
        let answer = service.ask(&query)?;
        ensure!(
            answer["data"]["job"]["outputs"]["totalCount"] == 1,
            "{answer}"
        );
    }
    service.terminate()?;
    let made = digest(&data)?;
    let told = fs::read_to_string(set.join("digest"))?;
    let (version, then) = told.trim().split_once('\n').context("two lines")?;
    // The records of another version of the state have other bytes.
    if version == headwater_record::STATE_VERSION.to_string() {
        ensure!(
            made == then,
            "the same log made {then} then, and makes {made} now"
        );
    }

    let (export, backup) = (folder.path().join("export"), folder.path().join("backup"));
    unpack(&set.join("export.ndjson.gz"), &export)?;
    unpack(&set.join("backup.gz"), &backup)?;
    let (imported, restored) = (
        folder.path().join("imported"),
        folder.path().join("restored"),
    );
    let ran = on("import", &imported, &[text(&export)?])?;
    ensure!(ran.code == Some(0), "{}", ran.err);
    let ran = run(&["restore", text(&backup)?, "--data", text(&restored)?])?;
    ensure!(ran.code == Some(0), "{}", ran.err);
    ensure!(digest(&imported)? == made, "the export makes another state");
    ensure!(digest(&restored)? == made, "the backup makes another state");
    Ok(())
}

#[test]
fn files_of_every_format_version_are_read() -> Result<()> {
    if let Some(name) = std::env::var_os("HEADWATER_COMPAT_MAKE") {
        make(&stored().join(name))?;
    }
    let mut told = BTreeSet::new();
    let mut count = 0;
    for entry in fs::read_dir(stored())? {
        let set = entry?.path();
        if set.is_dir() && set.file_name().is_none_or(|name| name != "extractors") {
            check(&set).with_context(|| set.display().to_string())?;
            let versions = fs::read_to_string(set.join("versions"))?;
            told.extend(versions.lines().map(str::to_owned));
            count += 1;
        }
    }
    ensure!(count > 0, "there is no set");
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    fill(&data)?;
    for (name, version, is_required) in versions(&data.join("graph"))? {
        let line = format!("{name} {version}");
        ensure!(
            !is_required || told.contains(&line),
            "no set has {line}: tests/compat/README.md says how to add one"
        );
    }
    Ok(())
}
