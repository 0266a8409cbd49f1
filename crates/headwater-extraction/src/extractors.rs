//! Extractors that the service has: from its folder, or installed by operators.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use headwater_model::{Digest, ExtractorLimits, SourceKey};

use crate::error::ExtractionError;
use crate::record::{ExtractorRecord, Origin, Trigger, VersionRecord};
use crate::service::{Extractions, Shared, State};

/// Components that were sent and wait to be installed.
const STAGED_MAX: usize = 16;
/// Versions that are remembered as having been active.
const BEFORE_MAX: usize = 20;
/// Characters of a digest that name it, at least.
const DIGEST_CHARS_MIN: usize = 8;

type Result<T> = std::result::Result<T, ExtractionError>;

/// What installing came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The extractor's name.
    pub name: String,
    /// The version.
    pub version: VersionRecord,
    /// True if sources that are not pinned use it now.
    pub is_active: bool,
}

impl State {
    /// The digest of one version of an extractor, by its digest, the beginning of it, or the version it calls itself.
    pub(crate) fn digest_of(&self, name: &str, wanted: &str) -> Result<String> {
        let extractor = self.extractors.get(name).ok_or_else(|| unknown(name))?;
        let found: Vec<&VersionRecord> = extractor
            .versions
            .iter()
            .filter(|version| {
                let is_prefix =
                    wanted.len() >= DIGEST_CHARS_MIN && version.digest.starts_with(wanted);
                is_prefix || version.version == *wanted
            })
            .collect();
        match found[..] {
            [only] => Ok(only.digest.clone()),
            [] => Err(ExtractionError::NotFound(format!(
                "extractor {name} has no version {wanted}"
            ))),
            _ => Err(ExtractionError::Invalid(format!(
                "extractor {name} has {} versions {wanted}: name one by its digest",
                found.len()
            ))),
        }
    }

    /// Sources that use the active version of an extractor.
    fn followers(&self, name: &str) -> Vec<SourceKey> {
        let sources = self.sources.iter();
        sources
            .filter(|(_, source)| source.extractor == *name && source.pin.is_none())
            .map(|(key, _)| key.clone())
            .collect()
    }

    fn uses(&self, name: &str, digest: Option<&str>) -> Vec<String> {
        let sources = self.sources.iter();
        sources
            .filter(|(_, source)| {
                source.extractor == *name
                    && digest.is_none_or(|digest| source.pin.as_deref() == Some(digest))
            })
            .map(|(key, _)| key.to_string())
            .collect()
    }
}

fn unknown(name: &str) -> ExtractionError {
    ExtractionError::NotFound(format!("there is no extractor {name}"))
}

impl Extractions {
    /// All extractors, by name. Waits until the folder of extractors is read.
    pub fn extractors(&self) -> BTreeMap<String, ExtractorRecord> {
        self.ready().extractors.clone()
    }

    /// All extractors that are known by now, by name.
    pub fn extractors_now(&self) -> BTreeMap<String, ExtractorRecord> {
        self.shared.state.lock().extractors.clone()
    }

    /// What calls of an extractor may use, unless a domain may use less.
    pub fn limits_of(&self, name: &str) -> ExtractorLimits {
        let host = self.shared.host.default_limits();
        self.shared.options.limits(host, name, "")
    }

    /// Takes a component to be installed; it is kept until then, or until others came after it.
    ///
    /// # Errors
    /// Why the host refuses it.
    pub fn stage(&self, component: &[u8]) -> Result<Installed> {
        let extractor = (self.shared.host.load(component)).map_err(ExtractionError::Invalid)?;
        let about = extractor.description();
        let now = self.shared.now();
        let version = VersionRecord::of(about, component.len() as u64, now, Origin::Installed);
        let name = about.name.to_string();
        let mut state = self.ready();
        self.shared
            .folder
            .write_component(&version.digest, component)?;
        state
            .staged
            .retain(|(_, staged)| staged.digest != version.digest);
        state.staged.push_back((name.clone(), version.clone()));
        while state.staged.len() > STAGED_MAX {
            state.staged.pop_front();
        }
        self.shared.keep_components(&state);
        let is_active = state
            .extractors
            .get(&name)
            .is_some_and(|extractor| extractor.active == version.digest);
        Ok(Installed {
            name,
            version,
            is_active,
        })
    }

    /// Installs a component that was sent. The first version of an extractor is active at once.
    ///
    /// # Errors
    /// If no such component was sent, or there are too many versions.
    pub fn install(&self, digest: &str) -> Result<Installed> {
        let mut state = self.ready();
        let staged = state
            .staged
            .iter()
            .find(|(_, version)| version.digest == *digest);
        let Some((name, version)) = staged.cloned() else {
            return installed(&state, digest).ok_or_else(|| {
                let message = format!("no component with digest {digest} was sent");
                ExtractionError::NotFound(message)
            });
        };
        let versions_max = self.shared.options.versions_max;
        self.shared.change_extractors(&mut state, |extractors| {
            let extractor = extractors
                .entry(name.clone())
                .or_insert_with(|| new_extractor(&version, true));
            if extractor.version(digest).is_none() {
                if extractor.versions.len() >= versions_max {
                    return Err(ExtractionError::TooLarge(format!(
                        "extractor {name} has {versions_max} versions already: remove one first"
                    )));
                }
                extractor.versions.push(version.clone());
            }
            Ok(())
        })?;
        state.staged.retain(|(_, staged)| staged.digest != *digest);
        Ok(installed(&state, digest).expect("it is installed now"))
    }

    /// Makes a version of an extractor the one that sources use which are not pinned, and extracts these.
    ///
    /// # Errors
    /// If there is no such version.
    pub fn activate(&self, name: &str, version: &str) -> Result<ExtractorRecord> {
        let mut state = self.ready();
        let digest = state.digest_of(name, version)?;
        self.shared.activate(&mut state, name, &digest, true)?;
        Ok(state.extractors[name].clone())
    }

    /// Makes the version active that was active before.
    ///
    /// # Errors
    /// If there is none.
    pub fn roll_back(&self, name: &str) -> Result<ExtractorRecord> {
        let mut state = self.ready();
        let extractor = state.extractors.get(name).ok_or_else(|| unknown(name))?;
        let before = extractor.before.iter().rev();
        let mut before = before.filter(|digest| extractor.version(digest).is_some());
        let Some(digest) = before.next().cloned() else {
            let message = format!("no other version of extractor {name} was active before");
            return Err(ExtractionError::NotFound(message));
        };
        self.shared.activate(&mut state, name, &digest, true)?;
        // Rolling back twice goes back two versions, not forth again.
        self.shared.change_extractors(&mut state, |extractors| {
            let extractor = extractors.get_mut(name).ok_or_else(|| unknown(name))?;
            extractor.before.pop();
            if let Some(at) = extractor.before.iter().rposition(|past| *past == digest) {
                extractor.before.truncate(at);
            }
            Ok(extractor.clone())
        })
    }

    /// Lets the sources of an extractor be extracted, or keeps them from it.
    ///
    /// # Errors
    /// If there is no such extractor.
    pub fn enable(&self, name: &str, is_enabled: bool) -> Result<ExtractorRecord> {
        let mut state = self.ready();
        let changed = self.shared.change_extractors(&mut state, |extractors| {
            let extractor = extractors.get_mut(name).ok_or_else(|| unknown(name))?;
            extractor.is_enabled = is_enabled;
            Ok(extractor.clone())
        });
        self.shared.wake.notify_all();
        changed
    }

    /// Removes a version of an extractor, or all of it.
    ///
    /// # Errors
    /// If there is none such, if a source uses it, or if it lies in the folder of extractors.
    pub fn remove(&self, name: &str, version: Option<&str>) -> Result<()> {
        let mut state = self.ready();
        let extractor = state.extractors.get(name).ok_or_else(|| unknown(name))?;
        let digest = match version {
            Some(version) => Some(state.digest_of(name, version)?),
            None => None,
        };
        let is_active = digest.as_ref() == Some(&extractor.active);
        if is_active && extractor.versions.len() > 1 {
            let message = format!("that version of extractor {name} is active: activate another");
            return Err(ExtractionError::Invalid(message));
        }
        let is_whole = digest.is_none() || extractor.versions.len() == 1;
        let users = state.uses(name, digest.as_deref().filter(|_| !is_whole));
        if !users.is_empty() {
            let message = format!("extractor {name} is used by {}", users.join(", "));
            return Err(ExtractionError::Invalid(message));
        }
        let mut going = extractor.versions.iter();
        if going.any(|gone| {
            gone.origin == Origin::Folder && digest.as_ref().is_none_or(|is| *is == gone.digest)
        }) {
            return Err(ExtractionError::Invalid(format!(
                "extractor {name} lies in the folder of extractors: remove its file and start the service again"
            )));
        }
        self.shared.change_extractors(&mut state, |extractors| {
            if is_whole {
                extractors.remove(name);
            } else if let Some(extractor) = extractors.get_mut(name) {
                extractor
                    .versions
                    .retain(|version| Some(&version.digest) != digest.as_ref());
            }
            Ok(())
        })?;
        self.shared.keep_components(&state);
        Ok(())
    }
}

fn new_extractor(version: &VersionRecord, is_chosen: bool) -> ExtractorRecord {
    ExtractorRecord {
        is_enabled: true,
        active: version.digest.clone(),
        is_chosen,
        versions: Vec::new(),
        before: Vec::new(),
    }
}

fn installed(state: &State, digest: &str) -> Option<Installed> {
    let mut extractors = state.extractors.iter();
    extractors.find_map(|(name, extractor)| {
        Some(Installed {
            name: name.clone(),
            version: extractor.version(digest)?.clone(),
            is_active: extractor.active == *digest,
        })
    })
}

impl Shared {
    /// Makes a version active, and extracts the sources that follow.
    fn activate(&self, state: &mut State, name: &str, digest: &str, is_chosen: bool) -> Result<()> {
        let is_change = self.change_extractors(state, |extractors| {
            let extractor = extractors.get_mut(name).ok_or_else(|| unknown(name))?;
            let is_change = extractor.active != *digest;
            if is_change {
                let before = std::mem::replace(&mut extractor.active, digest.to_owned());
                extractor.before.push(before);
                let excess = extractor.before.len().saturating_sub(BEFORE_MAX);
                extractor.before.drain(..excess);
            }
            extractor.is_chosen = is_chosen;
            Ok(is_change)
        })?;
        if is_change {
            for key in state.followers(name) {
                self.extract_anew(state, &key);
            }
        }
        Ok(())
    }

    /// Queues a source whose extractor changed; where that fails it is done with the next artifacts.
    fn extract_anew(&self, state: &mut State, key: &SourceKey) {
        let has_artifacts = |state: &State| {
            let source = state.sources.get(key);
            source.is_some_and(|source| !source.artifacts.is_empty())
        };
        if has_artifacts(state)
            && let Err(error) = self.enqueue(state, key, Trigger::Change, |_, _| Ok(()))
        {
            tracing::warn!(source = %key, "{key} is not extracted anew: {error}");
        }
    }

    fn keep_components(&self, state: &State) {
        let versions = state.extractors.values().flat_map(|of| &of.versions);
        let staged = state.staged.iter().map(|(_, version)| version);
        let kept: BTreeSet<&str> = versions
            .chain(staged)
            .map(|version| version.digest.as_str())
            .collect();
        self.folder.keep_components(&kept);
    }

    /// Reads the folder of extractors: what is new there is active, unless somebody chose another version.
    pub(crate) fn read_plugins(&self, dir: Option<&Path>) {
        let mut found = BTreeMap::new();
        for path in dir.map(components).unwrap_or_default() {
            match self.read_plugin(&path) {
                Ok((name, version)) => {
                    if found.contains_key(&name) {
                        tracing::warn!(
                            "{} holds an extractor named {name} too; only the first is used",
                            path.display()
                        );
                        continue;
                    }
                    tracing::info!(
                        plugin.name = %name, plugin.version = %version.version, plugin.digest = %version.digest,
                        "extractor {name} {} is usable", version.version
                    );
                    found.insert(name, version);
                }
                Err(error) => {
                    tracing::warn!(file = %path.display(), "extractor {} is refused: {error}", path.display());
                }
            }
        }
        let mut state = self.state.lock();
        if let Err(error) = self.settle_plugins(&mut state, found) {
            tracing::error!(%error, "the extractors can't be kept: {error}");
        }
        self.keep_components(&state);
        state.is_ready = true;
        self.wake.notify_all();
    }

    /// A file of the folder; what is known of its content is not asked again.
    fn read_plugin(&self, path: &Path) -> Result<(String, VersionRecord)> {
        let component = std::fs::read(path).map_err(|error| ExtractionError::file(path, &error))?;
        let digest = Digest::of(&component).to_string();
        let known = installed(&self.state.lock(), &digest);
        let (name, version) = if let Some(known) = known {
            (known.name, known.version)
        } else {
            let extractor = self.host.load(&component);
            let extractor = extractor.map_err(ExtractionError::Invalid)?;
            let about = extractor.description();
            let bytes = component.len() as u64;
            let version = VersionRecord::of(about, bytes, self.now(), Origin::Folder);
            (about.name.to_string(), version)
        };
        if !self.folder.has_component(&digest) {
            self.folder.write_component(&digest, &component)?;
        }
        Ok((name, version))
    }

    fn settle_plugins(
        &self,
        state: &mut State,
        mut found: BTreeMap<String, VersionRecord>,
    ) -> Result<()> {
        let mut newly_active = Vec::new();
        let used: BTreeSet<String> = state
            .sources
            .values()
            .filter_map(|source| Some(state.version_of(source)?.0.digest.clone()))
            .collect();
        self.change_extractors(state, |extractors| {
            for (name, version) in &mut found {
                let extractor = extractors
                    .entry(name.clone())
                    .or_insert_with(|| new_extractor(version, false));
                if extractor.version(&version.digest).is_none() {
                    extractor.versions.push(version.clone());
                }
                if extractor.active != version.digest && !extractor.is_chosen {
                    newly_active.push((name.clone(), version.digest.clone()));
                }
            }
            // What is no longer in the folder goes, unless a source uses it.
            for (name, extractor) in extractors.iter_mut() {
                let in_folder = found.get(name).map(|version| version.digest.as_str());
                extractor.versions.retain(|version| {
                    version.origin == Origin::Installed
                        || in_folder == Some(version.digest.as_str())
                        || used.contains(&version.digest)
                        || (in_folder.is_some()
                            && (extractor.active == version.digest
                                || extractor.before.contains(&version.digest)))
                });
            }
            extractors.retain(|_, extractor| extractor.active_version().is_some());
            Ok(())
        })?;
        for (name, digest) in newly_active {
            self.activate(state, &name, &digest, false)?;
        }
        Ok(())
    }
}

/// The components of a folder, by name.
fn components(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        tracing::warn!("the folder of extractors {} can't be read", dir.display());
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "wasm"))
        .collect();
    paths.sort();
    paths
}
