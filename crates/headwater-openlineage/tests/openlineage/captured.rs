//! Real events, read in place where they are.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;

/// One body and where it is from.
pub(crate) struct Body {
    /// Path below the data folder.
    pub(crate) path: String,
    /// What was sent, decoded.
    pub(crate) bytes: Vec<u8>,
}

/// The data folder, if it is there.
pub(crate) fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("HEADWATER_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    folder.is_dir().then_some(folder)
}

/// The bodies of all captured OpenLineage requests.
pub(crate) fn captured(data: &Path) -> Vec<Body> {
    let mut bodies = Vec::new();
    for path in json_files(&data.join("captured")) {
        let request: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let text = request["body"].as_str().unwrap_or_default();
        let mut bytes = match request["body_encoding"].as_str() {
            Some("base64") => base64::engine::general_purpose::STANDARD
                .decode(text)
                .unwrap(),
            _ => text.as_bytes().to_vec(),
        };
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&*bytes)
                .read_to_end(&mut plain)
                .unwrap();
            bytes = plain;
        }
        // marquez-python speaks an API of its own.
        let is_event = request["path"]
            .as_str()
            .is_some_and(|path| path.contains("/lineage") || path.contains("/custom/endpoint"));
        if is_event && request["method"] == "POST" {
            let path = below(&path, data);
            bodies.push(Body { path, bytes });
        }
    }
    bodies
}

/// All JSON files below `folder`, in the order of their paths.
pub(crate) fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// `path` as seen from `folder`.
pub(crate) fn below(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder)
        .unwrap()
        .to_string_lossy()
        .into_owned()
}
