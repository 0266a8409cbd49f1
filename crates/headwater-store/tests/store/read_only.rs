//! A log on a disk that takes no writes: a snapshot that is mounted for reading.

use std::any::Any;
use std::io;
use std::path::Path;
use std::sync::Arc;

use headwater_store::{
    Disk, DiskFile, Log, LogError, RealDisk, SegmentLog, SegmentOptions, SimulatedDisk,
    find_losses, verify_directory,
};

use crate::payload;

/// Refuses whatever would change it.
struct ReadOnlyDisk(SimulatedDisk);

fn refused<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

struct ReadOnlyFile(Arc<dyn DiskFile>);

impl DiskFile for ReadOnlyFile {
    fn bytes(&self) -> io::Result<u64> {
        self.0.bytes()
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.0.read_at(buffer, position)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        refused()
    }

    fn truncate(&self, _: u64) -> io::Result<()> {
        refused()
    }

    fn sync(&self) -> io::Result<()> {
        refused()
    }
}

impl Disk for ReadOnlyDisk {
    fn create_directory(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        self.0.list(directory)
    }

    fn create(&self, _: &Path) -> io::Result<Arc<dyn DiskFile>> {
        refused()
    }

    fn open(&self, _: &Path) -> io::Result<Arc<dyn DiskFile>> {
        refused()
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(ReadOnlyFile(self.0.open(path)?)))
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        refused()
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn free_bytes(&self, directory: &Path) -> io::Result<Option<u64>> {
        self.0.free_bytes(directory)
    }

    fn lock(&self, _: &Path) -> io::Result<Option<Box<dyn Any + Send + Sync>>> {
        refused()
    }

    fn lock_to_read(&self, path: &Path) -> io::Result<Option<Box<dyn Any + Send + Sync>>> {
        self.0.lock(path)
    }
}

fn options() -> SegmentOptions {
    SegmentOptions {
        segment_bytes: 200,
        reserve_bytes: 0,
        ..SegmentOptions::default()
    }
}

/// A log of several segments.
fn filled() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let (log, _) =
        SegmentLog::open_on(Arc::new(disk.clone()), Path::new("log"), options()).unwrap();
    for number in 0..20 {
        log.append(&[payload(&format!("entry {number} of a log"))])
            .unwrap();
    }
    assert!(log.segments_count() > 3);
    disk
}

#[test]
fn a_log_that_takes_no_writes_is_read_checked_and_copied() {
    let disk = Arc::new(ReadOnlyDisk(filled()));
    let path = Path::new("log");
    let (log, report) = SegmentLog::open_to_read(Arc::clone(&disk) as Arc<dyn Disk>, path).unwrap();
    assert_eq!(report.last_offset.get(), 20);
    assert_eq!(crate::read_all(&log).len(), 20);
    assert_eq!(log.verify().unwrap().entries_count, 20);
    let backup = log.backup().expect("a log in files can be copied");
    backup.write_to(&mut Vec::new(), &mut |_| {}).unwrap();
    assert!(matches!(
        log.append(&[payload("no")]),
        Err(LogError::ReadOnly { .. })
    ));
    drop((log, backup));
    assert_eq!(verify_directory(&*disk, path).unwrap().entries_count, 20);
    assert_eq!(find_losses(&*disk, path).unwrap().len(), 0);
    let opened = SegmentLog::open_on(disk, path, options());
    assert!(matches!(opened, Err(LogError::Io { .. })));
}

#[test]
fn a_log_without_a_lock_file_is_locked_for_reading_where_none_can_be_made() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("LOCK");
    let held = RealDisk.lock_to_read(&lock).unwrap();
    assert!(
        held.is_some() && lock.exists(),
        "it is made where it can be"
    );
    assert!(RealDisk.lock_to_read(&lock).unwrap().is_none());
    assert!(RealDisk.lock(&lock).unwrap().is_none());
    drop(held);
    let nowhere = folder.path().join("nowhere/LOCK");
    let error = RealDisk.lock_to_read(&nowhere).expect_err("no folder");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}
