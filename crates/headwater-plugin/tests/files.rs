//! Files: folders of components, and compiled components that are kept.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use headwater_model::Extractor;
use headwater_plugin::{HostConfig, HostMetrics, PluginHost};

fn host(cache: &Path) -> PluginHost {
    PluginHost::new(HostConfig {
        cache_dir: Some(cache.to_owned()),
        ..HostConfig::default()
    })
    .expect("the folder can be used")
}

fn guest(name: &str) -> Vec<u8> {
    support::component(name).expect("a guest")
}

/// Loads the well-behaved guest in a new host and tells where its compiled form came from.
fn load(cache: &Path) -> HostMetrics {
    let host = host(cache);
    host.load(&guest("mirror")).expect("a loadable guest");
    host.metrics()
}

const COMPILED: HostMetrics = HostMetrics {
    compiled_count: 1,
    cache_hits_count: 0,
};
const KEPT: HostMetrics = HostMetrics {
    compiled_count: 0,
    cache_hits_count: 1,
};

fn compiled_files(cache: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(cache)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

#[test]
fn a_component_is_compiled_once() {
    let cache = tempfile::tempdir().expect("a folder");
    assert_eq!(load(cache.path()), COMPILED);
    assert_eq!(load(cache.path()), KEPT);
}

#[test]
fn a_damaged_compiled_component_is_compiled_again() {
    let cache = tempfile::tempdir().expect("a folder");
    load(cache.path());
    let file = &compiled_files(cache.path())[0];
    let good = fs::read(file).expect("a file");
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let mut other_engine = good.clone();
    other_engine[50] ^= 1;
    for damaged in [
        &flipped[..],
        &other_engine,
        &good[..good.len() - 1],
        &good[..20],
        b"",
    ] {
        fs::write(file, damaged).expect("a file");
        assert_eq!(load(cache.path()), COMPILED, "{} bytes", damaged.len());
        assert_eq!(
            fs::read(file).expect("a file").len(),
            good.len(),
            "it is written anew"
        );
        assert_eq!(load(cache.path()), KEPT);
    }
}

#[test]
fn only_so_many_compiled_components_are_kept() {
    let cache = tempfile::tempdir().expect("a folder");
    let host = PluginHost::new(HostConfig {
        cache_dir: Some(cache.path().to_owned()),
        cache_files_max: 2,
        ..HostConfig::default()
    })
    .expect("the folder can be used");
    for name in ["mirror", "panics", "lying-ids"] {
        host.load(&guest(name)).expect("a loadable guest");
        assert!(compiled_files(cache.path()).len() <= 2);
    }
    assert_eq!(compiled_files(cache.path()).len(), 2);
}

#[cfg(unix)]
#[test]
fn the_folder_of_compiled_components_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let cache = tempfile::tempdir().expect("a folder");
    fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o777)).expect("our folder");
    load(cache.path());
    let mode = fs::metadata(cache.path())
        .expect("the folder")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_file_is_no_folder_for_compiled_components() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cache");
    fs::write(&path, b"").expect("a file");
    let error = PluginHost::new(HostConfig {
        cache_dir: Some(path.clone()),
        ..HostConfig::default()
    })
    .expect_err("a file");
    let expected = format!("folder for compiled extractors {}: ", path.display());
    assert!(error.to_string().starts_with(&expected), "{error}");
}

#[test]
fn one_bad_file_stops_no_other() {
    let cache = tempfile::tempdir().expect("a folder");
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a file");
        path
    };
    let first = put("a.wasm", &guest("mirror"));
    let second = put("b.wasm", &guest("mirror"));
    let broken = put("c.wasm", b"hello");
    put("d.wasm", &guest("panics"));
    put("notes.txt", b"not looked at");

    let loaded = host(cache.path())
        .load_dir(folder.path())
        .expect("a folder");
    let names: Vec<&str> = (loaded.extractors.iter())
        .map(|loaded| &*loaded.extractor.description().name)
        .collect();
    assert_eq!(names, ["mirror", "panics"]);
    let refused: Vec<String> = loaded
        .refused
        .iter()
        .map(|file| file.error.to_string())
        .collect();
    assert_eq!(
        refused,
        [
            format!(
                "{} and {} both hold an extractor named mirror; only the first is loaded",
                first.display(),
                second.display()
            ),
            format!(
                "{}: is not WebAssembly: it does not begin with \\0asm",
                broken.display()
            ),
        ]
    );
    for (name, found) in [("mirror", true), ("a", true), ("d", true), ("b", false)] {
        assert_eq!(loaded.find(name).is_some(), found, "{name}");
    }
}

#[test]
fn a_component_is_told_about_whether_it_is_taken_or_not() {
    let cache = tempfile::tempdir().expect("a folder");
    let host = host(cache.path());
    let taken = host.inspect(&guest("mirror"));
    assert_eq!(taken.refusal, None);
    assert_eq!(taken.api_version.as_deref(), Some("0.1.0"));
    assert_eq!(taken.exports, ["headwater:extractor/plugin@0.1.0"]);
    let description = taken.description.expect("it describes itself");
    assert_eq!(
        (&*description.name, &*description.api_version),
        ("mirror", "0.1")
    );
    assert_eq!(&*description.inputs[0].glob, "**/*.txt");

    let refused = host.inspect(&guest("foreign-imports"));
    assert_eq!(refused.imports.len(), 3);
    assert!(refused.description.is_none());
}
