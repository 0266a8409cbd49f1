//! Links by rules: names whose normal forms are equal.
//!
//! A name's normal form is found once, when the log first names it, and again when the rules change. Names of one form
//! are linked to the first of them, as if by an alias that nobody can take back. A bare name that may also be a quoted
//! one is linked to both, and which it is, if any, is decided with the class (`aliases.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater_identity::{Resolver, job_form};
use headwater_model::{AssetIndex, AssetKind, Digest, Mesh, Name, Namespace, QualifiedName};
use headwater_record::{Half, Str};

use crate::EngineError;
use crate::apply::Applier;
use crate::keys::{self, Link};

/// What rules say of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Keyed {
    form: Half,
    /// Of a dataset, the form that it has if quotes were dropped; of a job, its variant.
    other: Option<Half>,
    /// True if what a new name is linked to depends on other names of the form.
    needs_others: bool,
}

/// What rules say of a raw name that a source of `scope` uses; none if they can't make it one with any other.
fn keyed(
    resolver: &Resolver,
    kind: AssetKind,
    namespace: &str,
    name: &str,
    scope: &str,
) -> Option<Keyed> {
    match kind {
        AssetKind::Dataset => {
            let name =
                QualifiedName::new(Namespace::parse(namespace).ok()?, Name::parse(name).ok()?);
            let resolved = resolver.resolve(&name, scope);
            resolved.is_known.then(|| Keyed {
                form: resolved.form.key(),
                other: resolved.quoted.map(|form| form.key()),
                needs_others: resolved.may_be_quoted,
            })
        }
        AssetKind::Job => {
            let form = job_form(name).filter(|_| resolver.rules().folds_jobs)?;
            let digest = |parts: [&str; 3]| Digest::of_parts(parts.map(str::as_bytes)).half();
            Some(Keyed {
                form: digest(["job", namespace, &form.name]),
                other: form.variant.map(|text| digest(["variant", "", &text])),
                needs_others: true,
            })
        }
    }
}

impl Applier {
    /// Takes the mesh's rules of identity over: classes and graph follow when the entry is settled.
    pub(crate) fn adopt_rules(&mut self, mesh: &Mesh) -> Result<(), EngineError> {
        let rules = mesh.identity().cloned().unwrap_or_default();
        if *self.resolver.rules() == rules {
            return Ok(());
        }
        let old = std::mem::replace(&mut self.resolver, Arc::new(Resolver::new(&rules)?));
        self.learn_namespaces();
        self.rekey(&old, &|_| true)
    }

    /// Learns from the namespaces of all assets.
    pub(crate) fn learn_namespaces(&mut self) {
        let mut resolver = Arc::clone(&self.resolver);
        for namespace in self.graph.namespaces(Some(AssetKind::Dataset)) {
            if resolver.has_news(namespace) {
                Arc::make_mut(&mut resolver).learn(namespace);
            }
        }
        self.resolver = resolver;
    }

    /// Finds the normal forms of the names that the entry named first.
    pub(crate) fn key_names(&mut self) -> Result<(), EngineError> {
        if self.changes.names.is_empty() {
            return Ok(());
        }
        let names = std::mem::take(&mut self.changes.names);
        let first = self.graph.assets_count() as u32;
        let mut resolver = Arc::clone(&self.resolver);
        for (is_job, namespace, _) in &names {
            if !is_job && resolver.has_news(namespace) {
                Arc::make_mut(&mut resolver).learn(namespace);
            }
        }
        if !Arc::ptr_eq(&resolver, &self.resolver) {
            let old = std::mem::replace(&mut self.resolver, Arc::clone(&resolver));
            self.rekey(&old, &|text| resolver.depends_on_brokers(text))?;
        }
        let domain = self.domain.clone();
        let resolver = Arc::clone(&self.resolver);
        let keyed: Vec<(u32, Option<Keyed>)> = names
            .iter()
            .zip(first..)
            .map(|((is_job, namespace, name), index)| {
                let kind = if *is_job {
                    AssetKind::Job
                } else {
                    AssetKind::Dataset
                };
                (index, keyed(&resolver, kind, namespace, name, &domain))
            })
            .collect();
        self.changes.names = names;
        for (index, keyed) in keyed {
            if let Some(keyed) = keyed {
                self.key_name(index, keyed)?;
            }
        }
        Ok(())
    }

    /// Links a new name to those of its form.
    fn key_name(&mut self, index: u32, keyed: Keyed) -> Result<(), EngineError> {
        if keyed.needs_others {
            self.put_form(index, keyed);
            return self.relink(BTreeSet::from([keyed.form]));
        }
        // The first name of a form is that of the class for good: numbers only grow.
        let prefix = keys::forms(&keyed.form);
        let first = self.txn.reader().scan(&prefix).next().transpose()?;
        if let Some(first) = first.and_then(|(key, _)| keys::last_u32(&key)) {
            self.link(first, index, Link::Exact);
        }
        self.put_form(index, keyed);
        Ok(())
    }

    fn put_form(&mut self, index: u32, keyed: Keyed) {
        let asset = AssetIndex::new(index);
        let other = keyed.other.map_or_else(Vec::new, |other| other.to_vec());
        self.txn.put(keys::form(&keyed.form, asset), other);
        if let (AssetKind::Dataset, Some(quoted)) = (self.kind_of(index), keyed.other) {
            self.txn
                .put(keys::doubt(&quoted, asset), keyed.form.to_vec());
        }
    }

    fn take_form(&mut self, index: u32, keyed: Keyed) {
        let asset = AssetIndex::new(index);
        self.txn.delete(keys::form(&keyed.form, asset));
        if let (AssetKind::Dataset, Some(quoted)) = (self.kind_of(index), keyed.other) {
            self.txn.delete(keys::doubt(&quoted, asset));
        }
    }

    /// Finds the normal forms of all names again whose namespace or name is `concerned`, after rules changed.
    fn rekey(
        &mut self,
        old: &Resolver,
        concerned: &dyn Fn(&str) -> bool,
    ) -> Result<(), EngineError> {
        let resolver = Arc::clone(&self.resolver);
        let mut forms = BTreeSet::new();
        for index in 0..self.graph.assets_count() as u32 {
            let kind = self.kind_of(index);
            let (namespace, name) = self.name_of(index);
            if !concerned(&namespace) && !concerned(&name) {
                continue;
            }
            let scope = self.scope_of(index, kind, &namespace)?;
            let was = keyed(old, kind, &namespace, &name, &scope);
            let is = keyed(&resolver, kind, &namespace, &name, &scope);
            if was == is {
                continue;
            }
            if let Some(was) = was {
                self.take_form(index, was);
                forms.insert(was.form);
                self.unlink(index)?;
            }
            if let Some(is) = is {
                self.put_form(index, is);
                forms.insert(is.form);
            }
        }
        self.relink(forms)
    }

    /// The domain in which a raw name means something; empty if everywhere.
    fn scope_of(&self, index: u32, kind: AssetKind, namespace: &str) -> Result<Str, EngineError> {
        if kind != AssetKind::Dataset || !headwater_identity::is_scoped(namespace) {
            return Ok(Str::default());
        }
        let bytes = self.txn.get(&keys::scope(AssetIndex::new(index)))?;
        let text = String::from_utf8(bytes.unwrap_or_default());
        Ok(text
            .map_err(|_| EngineError::Corrupt("the scope of a name"))?
            .into())
    }

    /// Names of a form: numbers, and the other digest of each.
    fn of_form(&self, form: &Half) -> Result<Vec<(u32, Option<Half>)>, EngineError> {
        let prefix = keys::forms(form);
        let mut found = Vec::new();
        for item in self.txn.reader().scan(&prefix) {
            let (key, value) = item?;
            if let Some(index) = keys::last_u32(&key) {
                found.push((index, Half::try_from(value.as_slice()).ok()));
            }
        }
        Ok(found)
    }

    /// The forms of bare names that may be of the quoted form `form`.
    fn doubtful_forms(&self, form: &Half) -> Result<BTreeSet<Half>, EngineError> {
        let prefix = keys::doubts(form);
        let mut found = BTreeSet::new();
        for item in self.txn.reader().scan(&prefix) {
            found.extend(Half::try_from(item?.1.as_slice()).ok());
        }
        Ok(found)
    }

    /// Links the names of each form anew, and the bare names that may be of one.
    fn relink(&mut self, forms: BTreeSet<Half>) -> Result<(), EngineError> {
        let mut all = BTreeSet::new();
        let mut waiting = forms;
        while let Some(form) = waiting.pop_first() {
            if all.insert(form) {
                waiting.extend(self.doubtful_forms(&form)?);
            }
        }
        for form in &all {
            for (index, _) in self.of_form(form)? {
                self.unlink(index)?;
            }
        }
        for form in &all {
            let names = self.of_form(form)?;
            match names.first() {
                Some((first, _)) if self.kind_of(*first) == AssetKind::Job => {
                    self.link_jobs(&names);
                }
                _ => self.link_datasets(&names)?,
            }
        }
        Ok(())
    }

    fn link_datasets(&mut self, names: &[(u32, Option<Half>)]) -> Result<(), EngineError> {
        let mut sure = None;
        let mut doubtful: BTreeMap<Half, Vec<u32>> = BTreeMap::new();
        for (index, other) in names {
            self.changes.identities.insert(*index);
            match other {
                Some(quoted) if !self.of_form(quoted)?.is_empty() => {
                    doubtful.entry(*quoted).or_default().push(*index);
                }
                _ => match sure {
                    Some(first) => self.link(first, *index, Link::Exact),
                    None => sure = Some(*index),
                },
            }
        }
        for (quoted, bare) in doubtful {
            let Some((first, rest)) = bare.split_first() else {
                continue;
            };
            for other in rest {
                self.link(*first, *other, Link::Exact);
            }
            if let Some(sure) = sure {
                self.link(*first, sure, Link::Folded);
            }
            let candidates = self.of_form(&quoted)?;
            if let Some((candidate, _)) = candidates.first() {
                self.link(*first, *candidate, Link::Quoted);
            }
        }
        Ok(())
    }

    /// Jobs of one model are one, unless names tell different places: then those that tell none stay apart.
    fn link_jobs(&mut self, names: &[(u32, Option<Half>)]) {
        let variants: BTreeSet<Half> = names.iter().filter_map(|(_, variant)| *variant).collect();
        let mut firsts: BTreeMap<Option<Half>, u32> = BTreeMap::new();
        for (index, variant) in names {
            self.changes.identities.insert(*index);
            let of = variant.filter(|_| variants.len() > 1);
            match firsts.get(&of) {
                Some(first) => self.link(*first, *index, Link::Exact),
                None => {
                    firsts.insert(of, *index);
                }
            }
        }
    }

    fn link(&mut self, owner: u32, other: u32, link: Link) {
        let (here, there) = (AssetIndex::new(owner), AssetIndex::new(other));
        for key in [
            keys::alias(here, there, link.slot(), here),
            keys::alias(there, here, link.slot(), here),
        ] {
            self.txn.put(key, Vec::new());
        }
        self.changes.identities.extend([owner, other]);
        self.changes.documents.extend([owner, other]);
    }

    /// Takes all links by rules from a name.
    fn unlink(&mut self, index: u32) -> Result<(), EngineError> {
        let asset = AssetIndex::new(index);
        let prefix = keys::aliases_of(asset);
        let mut links = Vec::new();
        for item in self.txn.reader().scan(&prefix) {
            let (key, _) = item?;
            if let (Some(other), Some((link, owner))) =
                (keys::parse_alias(&key), keys::parse_link(&key))
                && link != Link::Asserted
            {
                links.push((other, link, AssetIndex::new(owner)));
            }
        }
        for (other, link, owner) in links {
            self.txn
                .delete(keys::alias(asset, other, link.slot(), owner));
            self.txn
                .delete(keys::alias(other, asset, link.slot(), owner));
            self.changes.identities.extend([index, other.get()]);
            self.changes.documents.extend([index, other.get()]);
        }
        Ok(())
    }
}
