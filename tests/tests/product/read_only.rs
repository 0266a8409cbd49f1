//! The data folder of a stopped service that can't be written: a snapshot that is mounted for reading.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use headwater_tests::service::Service;

use crate::data_folder::{digest, filled, on};

/// A folder and all below it, which nobody may write until it is dropped.
struct Protected(Vec<PathBuf>);

impl Protected {
    fn new(folder: &Path) -> Result<Self> {
        let mut all = vec![folder.to_owned()];
        let mut at = 0;
        while let Some(path) = all.get(at).cloned() {
            at += 1;
            if path.is_dir() {
                for entry in fs::read_dir(&path)? {
                    all.push(entry?.path());
                }
            }
        }
        let protected = Self(all);
        protected.set(false)?;
        Ok(protected)
    }

    fn set(&self, is_writable: bool) -> Result<()> {
        for path in &self.0 {
            let mode = fs::metadata(path)?.permissions().mode();
            let mode = if is_writable {
                mode | 0o200
            } else {
                mode & !0o222
            };
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    }
}

impl Drop for Protected {
    fn drop(&mut self) {
        let _ = self.set(true);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_verified_exported_and_backed_up() -> Result<()> {
    let folder = filled(10)?;
    let made = digest(folder.path())?;
    let elsewhere = tempfile::tempdir()?;
    let protected = Protected::new(folder.path())?;
    if fs::write(folder.path().join("probe"), "").is_ok() {
        println!("skipped 1 case: this user may write everywhere");
        fs::remove_file(folder.path().join("probe"))?;
        return Ok(());
    }
    assert_eq!(digest(folder.path())?, made);
    let ran = on("verify", folder.path(), &[])?;
    assert!(ran.out.contains("looked at in a copy"), "{}", ran.out);
    let ran = on("export", folder.path(), &[])?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains("out-3"), "{}", ran.out);
    let backup = elsewhere.path().join("backup");
    let ran = on("backup", folder.path(), &[&backup.to_string_lossy()])?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let ran = on("serve", folder.path(), &["--listen", "127.0.0.1:0"])?;
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.err.contains("cannot lock"), "{}", ran.err);
    drop(protected);
    Service::start(folder.path(), &[])?.terminate()?;
    Ok(())
}

#[test]
fn a_service_on_a_folder_in_use_says_who_is_in_the_way() -> Result<()> {
    let folder = filled(2)?;
    let _service = Service::start(folder.path(), &[])?;
    let ran = on("serve", folder.path(), &["--listen", "127.0.0.1:0"])?;
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(
        ran.err.contains("a service or another command is using"),
        "{}",
        ran.err
    );
    Ok(())
}
