//! What other rules of identity would change, without changing it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater_identity::Resolver;
use headwater_model::{AssetIndex, IdentityRules};

use crate::AskError;
use crate::apply::Applier;
use crate::ask::view::View;
use crate::reference;

/// Changes that are listed of each kind; more are counted.
const LISTED_MAX: usize = 1000;

/// One change that rules would make.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Planned {
    /// The full names of the assets that there are now.
    pub before: Vec<String>,
    /// The full names of those that there would be.
    pub after: Vec<String>,
    /// The rules, in words; empty where names would part.
    pub reason: String,
}

/// What rules of identity would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityPlan {
    /// Assets that would become one.
    pub merges: Vec<Planned>,
    /// Assets that would become several.
    pub splits: Vec<Planned>,
    /// Assets that another of their names would stand for.
    pub moves: Vec<Planned>,
    /// How many merges, splits and moves there would be.
    pub counts: [usize; 3],
}

impl View {
    /// What `rules` would change if they were the operators' rules of identity.
    ///
    /// # Errors
    /// [`AskError::Invalid`] names the rule that can't be used; [`AskError::Engine`] if the state can't be read.
    pub fn plan_identity(&self, rules: &IdentityRules) -> Result<IdentityPlan, AskError> {
        let mut resolver = Resolver::new(rules).map_err(|error| {
            AskError::Invalid(format!("identity rule {}, {error}", error.rule + 1))
        })?;
        let mut applier = Applier::new(
            Arc::clone(&self.shared.state),
            self.graph().clone(),
            self.shared.words.clone(),
            self.shared.sources.clone(),
        );
        applier.resolver = Arc::clone(&self.published.resolver);
        let moved = applier.rehearse(rules.clone())?;
        let mut before: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        let mut after: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for asset in self.graph().assets() {
            let (index, was) = (asset.index.get(), asset.canonical.get());
            let is = moved.get(&index).copied().unwrap_or(was);
            before.entry(was).or_default().insert(is);
            after.entry(is).or_default().insert(was);
            resolver.learn(asset.namespace);
        }
        let mut plan = IdentityPlan::default();
        for (is, were) in after.iter().filter(|(_, were)| were.len() > 1) {
            plan.counts[0] += 1;
            if plan.merges.len() < LISTED_MAX {
                let are = BTreeSet::from([*is]);
                plan.merges.push(self.planned(&resolver, were, &are)?);
            }
        }
        for (was, are) in &before {
            let is_alone = |is: &u32| is != was && after.get(is).is_some_and(|w| w.len() == 1);
            let (at, list) = match are.first() {
                _ if are.len() > 1 => (1, &mut plan.splits),
                Some(is) if is_alone(is) => (2, &mut plan.moves),
                _ => continue,
            };
            plan.counts[at] += 1;
            if list.len() < LISTED_MAX {
                let were = BTreeSet::from([*was]);
                list.push(self.planned(&resolver, &were, are)?);
            }
        }
        Ok(plan)
    }

    fn planned(
        &self,
        resolver: &Resolver,
        before: &BTreeSet<u32>,
        after: &BTreeSet<u32>,
    ) -> Result<Planned, AskError> {
        let mut reasons = BTreeSet::new();
        if let (true, Some(is)) = (before.len() > 1, after.first()) {
            for was in before.iter().filter(|was| *was != is) {
                let (was, is) = (AssetIndex::new(*was), AssetIndex::new(*is));
                reasons.extend(self.rule_of(resolver, was, is)?);
            }
        }
        let reasons: Vec<&str> = reasons.iter().map(|reason| &**reason).collect();
        Ok(Planned {
            before: self.full_names(before),
            after: self.full_names(after),
            reason: reasons.join("; "),
        })
    }

    fn full_names(&self, of: &BTreeSet<u32>) -> Vec<String> {
        let names = of.iter().filter_map(|index| {
            let asset = self.graph().asset(AssetIndex::new(*index))?;
            Some(reference::text(asset.kind, asset.namespace, asset.name))
        });
        names.collect()
    }
}
