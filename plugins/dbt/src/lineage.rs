//! What depends on what, once nodes without data of their own are folded away.

use headwater_extractor::DatasetNode;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::text::Text;

/// What a unique id of the manifest stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A dataset.
    Dataset(DatasetNode),
    /// No data of its own: what it depends on is what its dependents depend on.
    Through,
    /// Nothing that lineage can come from, and why.
    Nothing(&'static str),
}

/// A dependency that leads nowhere.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unresolved<'m> {
    /// The section of the manifest that the dependent is in.
    pub(crate) section: &'static str,
    pub(crate) dependent: &'m str,
    /// Its position in the dependent's list.
    pub(crate) position: usize,
    pub(crate) dependency: &'m str,
    pub(crate) reason: &'static str,
}

#[derive(Debug)]
struct Entry<'m> {
    section: &'static str,
    id: &'m str,
    role: Role,
    depends_on: &'m [Text<'m>],
    /// Whether its unresolved dependencies are reported already.
    is_scanned: bool,
    /// The last walk that met it.
    walk: u32,
}

/// Every node of a manifest by unique id.
#[derive(Debug, Default)]
pub(crate) struct Index<'m> {
    by_id: FxHashMap<&'m str, usize>,
    entries: Vec<Entry<'m>>,
    walks_count: u32,
}

impl<'m> Index<'m> {
    /// Adds a node; of two with one id the first counts.
    pub(crate) fn add(
        &mut self,
        section: &'static str,
        id: &'m str,
        role: Role,
        depends_on: &'m [Text<'m>],
    ) {
        let position = self.entries.len();
        if *self.by_id.entry(id).or_insert(position) == position {
            self.entries.push(Entry {
                section,
                id,
                role,
                depends_on,
                is_scanned: false,
                walk: 0,
            });
        }
    }

    /// Whether `id` is in the manifest.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// The dataset of `id`, if it is one.
    pub(crate) fn dataset(&self, id: &str) -> Option<DatasetNode> {
        match self.entries[*self.by_id.get(id)?].role {
            Role::Dataset(node) => Some(node),
            Role::Through | Role::Nothing(_) => None,
        }
    }

    /// The datasets that `id` depends on, each once, in the order in which the manifest lists
    /// them. Dependencies that lead nowhere are added to `unresolved`, the first time only.
    ///
    /// Each node is expanded once, from a list instead of by recursion: chains may be long
    /// and may be cycles.
    pub(crate) fn origins(
        &mut self,
        id: &str,
        unresolved: &mut Vec<Unresolved<'m>>,
    ) -> Vec<DatasetNode> {
        let Some(&start) = self.by_id.get(id) else {
            return Vec::new();
        };
        self.walks_count += 1;
        let mut origins = Vec::new();
        let mut found = FxHashSet::default();
        let mut pending = Vec::new();
        self.expand(start, &mut pending, unresolved);
        while let Some(position) = pending.pop() {
            match self.entries[position].role {
                Role::Dataset(node) => {
                    if found.insert(node) {
                        origins.push(node);
                    }
                }
                Role::Through if self.entries[position].walk != self.walks_count => {
                    self.entries[position].walk = self.walks_count;
                    self.expand(position, &mut pending, unresolved);
                }
                Role::Through | Role::Nothing(_) => {}
            }
        }
        origins
    }

    /// Reports what is unresolved in nodes that no dataset was reached through.
    pub(crate) fn scan_rest(&mut self, unresolved: &mut Vec<Unresolved<'m>>) {
        for position in 0..self.entries.len() {
            let entry = &self.entries[position];
            if !entry.is_scanned && entry.section == "nodes" && entry.role == Role::Through {
                self.origins(self.entries[position].id, unresolved);
            }
        }
    }

    /// Puts the dependencies of an entry on top of `pending`, the first one uppermost.
    fn expand(
        &mut self,
        position: usize,
        pending: &mut Vec<usize>,
        unresolved: &mut Vec<Unresolved<'m>>,
    ) {
        let entry = &self.entries[position];
        let mut report = |position: usize, dependency: &'m str, reason: &'static str| {
            if !entry.is_scanned {
                unresolved.push(Unresolved {
                    section: entry.section,
                    dependent: entry.id,
                    position,
                    dependency,
                    reason,
                });
            }
        };
        for (at, dependency) in entry.depends_on.iter().enumerate().rev() {
            match self.by_id.get(&**dependency) {
                None => report(at, dependency, "which the manifest does not have"),
                Some(&dependency_position) => match self.entries[dependency_position].role {
                    Role::Nothing(reason) => report(at, dependency, reason),
                    Role::Dataset(_) | Role::Through => pending.push(dependency_position),
                },
            }
        }
        self.entries[position].is_scanned = true;
    }
}
