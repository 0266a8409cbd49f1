//! A disk in memory that behaves as badly as POSIX allows.
//!
//! It keeps, beside what a reader sees, what is durable. [`SimulatedDisk::cut_power`] keeps the durable
//! part and a seeded choice of the rest: each write is kept, lost, torn at a byte, or kept in some of its
//! sectors of [`SECTOR_BYTES`] bytes with zeros between. A failed sync loses what it should have made
//! durable, as Linux does. Operations that change something are counted, so that a test can place a fault
//! at each of them in turn.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Disk, DiskFile};

/// What a real disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// What happens at the chosen operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails once; a write leaves its first half behind.
    Fail,
    /// It fails as [`Fault::Fail`] does, and all later ones do nothing and fail, until
    /// [`SimulatedDisk::clear_fault`].
    FailAndStop,
    /// The disk is full at it, and has room again afterwards; a write leaves its first half behind.
    Full,
    /// The power goes while it is under way: it and all later ones fail, until [`SimulatedDisk::cut_power`].
    Halt,
}

/// A [`Disk`] in memory that forgets what was not synced. Clones share one disk.
#[derive(Clone, Default)]
pub struct SimulatedDisk {
    world: Arc<Mutex<World>>,
}

#[derive(Default)]
struct World {
    files: Vec<Contents>,
    names: BTreeMap<PathBuf, usize>,
    names_durable: BTreeMap<PathBuf, usize>,
    name_changes: Vec<NameChange>,
    locks: BTreeSet<PathBuf>,
    /// Handles from before the last power cut are dead.
    life: u64,
    operations_count: u64,
    syncs_count: u64,
    fault: Option<(u64, Fault)>,
    is_halted: bool,
    /// The operation that met the fault was under way when the power went.
    is_under_way: bool,
    bytes_max: Option<u64>,
    free_bytes: Option<u64>,
}

#[derive(Default)]
struct Contents {
    seen: Vec<u8>,
    durable: Vec<u8>,
    changes: Vec<Change>,
}

enum Change {
    Write { position: usize, bytes: Vec<u8> },
    Truncate(usize),
}

#[derive(Clone)]
enum NameChange {
    Set(PathBuf, usize),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Set(path, file) => {
                names.insert(path.clone(), *file);
            }
            Self::Remove(path) => {
                names.remove(path);
            }
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
        }
    }
}

impl SimulatedDisk {
    /// An empty disk without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many changing operations (create, write, truncate, sync, rename, remove) were asked for.
    pub fn operations_count(&self) -> u64 {
        self.world.lock().operations_count
    }

    /// How many times a file was synced.
    pub fn syncs_count(&self) -> u64 {
        self.world.lock().syncs_count
    }

    /// Places `fault` at the changing operation that comes after `operations_count` of them.
    pub fn set_fault(&self, operations_count: u64, fault: Fault) {
        self.world.lock().fault = Some((operations_count, fault));
    }

    /// Ends the fault: operations succeed again.
    pub fn clear_fault(&self) {
        let mut world = self.world.lock();
        world.fault = None;
        world.is_halted = false;
    }

    /// Lets the disk be full at `bytes_max` bytes; `None` lifts the bound.
    pub fn set_bytes_max(&self, bytes_max: Option<u64>) {
        self.world.lock().bytes_max = bytes_max;
    }

    /// What the disk says of the space that is left: nothing by default.
    pub fn set_free_bytes(&self, free_bytes: Option<u64>) {
        self.world.lock().free_bytes = free_bytes;
    }

    /// Cuts the power and turns it on again: open handles are dead, locks are free, faults are gone, and of
    /// what was not synced, `seed` decides what is left.
    pub fn cut_power(&self, seed: u64) {
        let mut world = self.world.lock();
        let mut random = Random(seed);
        for contents in &mut world.files {
            contents.lose_power(&mut random);
        }
        let changes = std::mem::take(&mut world.name_changes);
        // Mostly names reach the disk in order, and sometimes any of them without those before.
        let is_ordered = random.below(4) > 0;
        let kept = random.below(changes.len() + 1);
        for (at, change) in changes.iter().enumerate() {
            if if is_ordered {
                at < kept
            } else {
                random.below(2) == 0
            } {
                change.apply(&mut world.names_durable);
            }
        }
        world.names = world.names_durable.clone();
        world.locks.clear();
        world.life += 1;
        world.fault = None;
        world.is_halted = false;
        world.is_under_way = false;
    }

    /// Changes one stored byte, as a decaying disk would.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is no such file or byte.
    pub fn flip(&self, path: &Path, position: u64) -> io::Result<()> {
        let mut world = self.world.lock();
        let file = world.find(path)?;
        let contents = &mut world.files[file];
        let position = to_index(position)?;
        for side in [&mut contents.seen, &mut contents.durable] {
            *side.get_mut(position).ok_or(io::ErrorKind::NotFound)? ^= 0x10;
        }
        Ok(())
    }
}

impl World {
    fn find(&self, path: &Path) -> io::Result<usize> {
        self.names
            .get(path)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Counts one changing operation and says whether it is to fail.
    fn begin(&mut self) -> io::Result<()> {
        if self.is_halted {
            return Err(io::Error::other("the simulated disk has no power"));
        }
        let at = self.operations_count;
        self.operations_count += 1;
        match self.fault {
            Some((chosen, Fault::Full)) if chosen == at => Err(io::ErrorKind::StorageFull.into()),
            Some((chosen, fault)) if chosen == at => {
                self.is_halted = fault != Fault::Fail;
                self.is_under_way = fault == Fault::Halt;
                Err(io::Error::other("the simulated disk fails"))
            }
            _ => Ok(()),
        }
    }

    fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.name_changes.push(change);
    }
}

impl Contents {
    fn apply(contents: &mut Vec<u8>, change: &Change) {
        match change {
            Change::Write { position, bytes } => {
                let end = position + bytes.len();
                if contents.len() < end {
                    contents.resize(end, 0);
                }
                contents[*position..end].copy_from_slice(bytes);
            }
            Change::Truncate(bytes) => contents.resize(*bytes, 0),
        }
    }

    fn change(&mut self, change: Change) {
        Self::apply(&mut self.seen, &change);
        self.changes.push(change);
    }

    fn lose_power(&mut self, random: &mut Random) {
        for change in std::mem::take(&mut self.changes) {
            match change {
                Change::Truncate(_) => {
                    if random.below(2) == 0 {
                        Self::apply(&mut self.durable, &change);
                    }
                }
                Change::Write { position, bytes } => self.tear(position, &bytes, random),
            }
        }
        self.seen.clone_from(&self.durable);
    }

    fn tear(&mut self, position: usize, bytes: &[u8], random: &mut Random) {
        let kept = match random.below(5) {
            0 => return,
            1 => bytes.len(),
            2 => random.below(bytes.len() + 1),
            _ => {
                let is_extended = random.below(2) == 0;
                let end = position + bytes.len();
                if is_extended && self.durable.len() < end {
                    self.durable.resize(end, 0);
                }
                let mut at = position;
                for sector in bytes.chunks(SECTOR_BYTES) {
                    if random.below(2) == 0 {
                        let change = Change::Write {
                            position: at,
                            bytes: sector.to_vec(),
                        };
                        Self::apply(&mut self.durable, &change);
                    }
                    at += sector.len();
                }
                return;
            }
        };
        let change = Change::Write {
            position,
            bytes: bytes[..kept].to_vec(),
        };
        Self::apply(&mut self.durable, &change);
    }
}

impl Disk for SimulatedDisk {
    fn create_directory(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let world = self.world.lock();
        Ok(world
            .names
            .keys()
            .filter(|path| path.parent() == Some(directory))
            .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
            .collect())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut world = self.world.lock();
        world.begin()?;
        let file = world.files.len();
        world.files.push(Contents::default());
        world.change_name(NameChange::Set(path.to_owned(), file));
        Ok(self.handle(file, world.life))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let world = self.world.lock();
        Ok(self.handle(world.find(path)?, world.life))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world.lock();
        world.begin()?;
        world.find(from)?;
        world.change_name(NameChange::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world.lock();
        world.begin()?;
        world.find(path)?;
        world.change_name(NameChange::Remove(path.to_owned()));
        Ok(())
    }

    fn sync_directory(&self, _directory: &Path) -> io::Result<()> {
        let mut world = self.world.lock();
        world.begin()?;
        world.name_changes.clear();
        world.names_durable = world.names.clone();
        Ok(())
    }

    fn free_bytes(&self, _directory: &Path) -> io::Result<Option<u64>> {
        Ok(self.world.lock().free_bytes)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Any + Send + Sync>>> {
        let mut world = self.world.lock();
        if !world.locks.insert(path.to_owned()) {
            return Ok(None);
        }
        Ok(Some(Box::new(SimulatedLock {
            world: Arc::clone(&self.world),
            path: path.to_owned(),
            life: world.life,
        })))
    }
}

impl SimulatedDisk {
    fn handle(&self, file: usize, life: u64) -> Arc<dyn DiskFile> {
        Arc::new(SimulatedFile {
            world: Arc::clone(&self.world),
            file,
            life,
        })
    }
}

struct SimulatedLock {
    world: Arc<Mutex<World>>,
    path: PathBuf,
    life: u64,
}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        let mut world = self.world.lock();
        if world.life == self.life {
            world.locks.remove(&self.path);
        }
    }
}

struct SimulatedFile {
    world: Arc<Mutex<World>>,
    file: usize,
    life: u64,
}

impl SimulatedFile {
    fn check_life(&self, world: &World) -> io::Result<()> {
        if world.life == self.life {
            return Ok(());
        }
        Err(io::Error::other("the handle is from before the power cut"))
    }
}

impl DiskFile for SimulatedFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.world.lock().files[self.file].seen.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let world = self.world.lock();
        self.check_life(&world)?;
        let seen = &world.files[self.file].seen;
        let start = to_index(position)?.min(seen.len());
        let count = buffer.len().min(seen.len() - start);
        buffer[..count].copy_from_slice(&seen[start..start + count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        let mut world = self.world.lock();
        self.check_life(&world)?;
        let position = to_index(position)?;
        let was_halted = world.is_halted;
        let begun = world.begin();
        if was_halted {
            return begun;
        }
        let used: u64 = world.files.iter().map(|file| file.seen.len() as u64).sum();
        let grown = (position + bytes.len()).saturating_sub(world.files[self.file].seen.len());
        let is_full = world
            .bytes_max
            .is_some_and(|bytes_max| used + grown as u64 > bytes_max);
        // A write that halts the disk is under way: all of it may still reach the platter.
        let written = match &begun {
            Err(_) if !world.is_under_way => bytes.len() / 2,
            Ok(()) if is_full => bytes.len() / 2,
            _ => bytes.len(),
        };
        world.files[self.file].change(Change::Write {
            position,
            bytes: bytes[..written].to_vec(),
        });
        begun?;
        if is_full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        let mut world = self.world.lock();
        self.check_life(&world)?;
        world.begin()?;
        let bytes = to_index(bytes)?;
        world.files[self.file].change(Change::Truncate(bytes));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.world.lock();
        self.check_life(&world)?;
        let was_halted = world.is_halted;
        let begun = world.begin();
        let is_lost = !was_halted && !world.is_under_way;
        let contents = &mut world.files[self.file];
        if begun.is_err() {
            // Linux marks the pages clean when it could not write them: they stay readable and are lost.
            if is_lost {
                contents.changes.clear();
            }
            return begun;
        }
        for change in std::mem::take(&mut contents.changes) {
            Contents::apply(&mut contents.durable, &change);
        }
        world.syncs_count += 1;
        Ok(())
    }
}

/// splitmix64: the seed decides everything.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed % bound as u64) as usize
    }
}

fn to_index(position: u64) -> io::Result<usize> {
    usize::try_from(position).map_err(|_| io::ErrorKind::InvalidInput.into())
}
