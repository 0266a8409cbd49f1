//! Applying entries of the log: the only place that changes the state and the graph.
//!
//! Everything here is a function of the entries: no clock is read, no configuration, nothing random.

mod aliases;
mod changes;
mod columns;
mod documents;
mod events;
mod fields;
mod identity;
mod manual;
mod names;
mod prune;
mod reconcile;
mod rows;
mod runs;
mod snapshots;
mod timeline;

pub(crate) use changes::{RawFieldEdge, raw_edge};
pub(crate) use columns::{
    Columns, OWNER, TAG, domains_of_sources, is_owner, product_of_word, word_of_product,
};
pub(crate) use documents::touched;
pub(crate) use fields::{Numbers, raw_field_edge};
pub(crate) use manual::{Verdict, standing};
pub(crate) use names::is_scoped;
pub(crate) use reconcile::{Difference, Times, compare};
pub(crate) use rows::{differs, graph_delta, retired_row};
pub(crate) use snapshots::{bearing, slot_of, valid_from};
pub(crate) use timeline::onwards;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater_graph::{Delta, Snapshot as Graph};
use headwater_identity::Resolver;
use headwater_model::{
    Digest, Facts, IdentityRules, Mesh, SourceKind, Statement, Submission, Timestamp,
};
use headwater_record::{
    DiagnosticRecord, Half, LogEntry, SlotRecord, SourceRecord, Str, SubmissionRecord,
    decode_value, encode_mesh, encode_value,
};
use headwater_search::Index;
use headwater_store::{Offset, State};
use quick_cache::unsync::Cache;

use crate::EngineError;
use crate::apply::changes::Changes;
use crate::keys::{self, SlotKey};
use crate::mesh::Claimants;
use crate::past::RecentTurns;
use crate::sources::{SourceState, Sources, Standing};
use crate::txn::Txn;
use crate::words::Words;

/// Slots, names and contributions that are kept at hand.
const SLOTS_CACHED: usize = 20_000;
const NAMES_CACHED: usize = 200_000;
const CONTRIBUTIONS_CACHED: usize = 1_000;

/// What applying a submission did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The offset at which it is visible.
    pub offset: u64,
    /// Claims that it added to the graph.
    pub added_count: u64,
    /// Claims that it ended.
    pub removed_count: u64,
    /// Claims that it repeated.
    pub unchanged_count: u64,
    /// True if it was accepted before, at `offset`.
    pub is_repeat: bool,
}

/// The writer's view of everything that is derived from the log.
pub(crate) struct Applier {
    pub(crate) txn: Txn,
    pub(crate) graph: Graph,
    pub(crate) claimants: Arc<Claimants>,
    /// The rules of identity, with what they learned of names.
    pub(crate) resolver: Arc<Resolver>,
    /// The domain whose source speaks in the entry in progress.
    domain: Str,
    pub(crate) words: Words,
    /// Namespaces of all assets.
    pub(crate) namespaces: Words,
    pub(crate) sources: Sources,
    /// What each source submitted last.
    pub(crate) standings: Vec<Option<Standing>>,
    /// Of which assets recent entries said something new.
    pub(crate) turns: RecentTurns,
    changes: Changes,
    slots: Cache<SlotKey, SlotRecord>,
    names: Cache<headwater_model::AssetName, u32>,
    contributions: Cache<Half, Arc<Facts>>,
    /// The index over names as of the last commit.
    pub(crate) index: Index,
    /// Raw assets to be indexed anew with this commit.
    documents: BTreeSet<u32>,
    /// Changes of the graph since a compaction began, while one runs.
    pub(crate) recent: Option<Vec<Delta>>,
    /// Findings of the entry in progress.
    findings: Vec<DiagnosticRecord>,
}

impl Applier {
    pub(crate) fn new(state: Arc<dyn State>, graph: Graph, words: Words, sources: Sources) -> Self {
        let namespaces = Words::default();
        for namespace in graph.namespaces(None) {
            namespaces.intern(namespace);
        }
        Self {
            txn: Txn::new(state),
            namespaces,
            graph,
            claimants: Arc::new(
                Claimants::new(Mesh::default()).expect("a mesh without patterns has none to fail"),
            ),
            resolver: Arc::default(),
            domain: Str::default(),
            words,
            sources,
            standings: Vec::new(),
            turns: RecentTurns::default(),
            changes: Changes::default(),
            slots: Cache::new(SLOTS_CACHED),
            names: Cache::new(NAMES_CACHED),
            contributions: Cache::new(CONTRIBUTIONS_CACHED),
            index: Index::new(),
            documents: BTreeSet::new(),
            recent: None,
            findings: Vec::new(),
        }
    }

    /// The offset at which a submission like this was accepted, if it was: then it must not be appended again.
    pub(crate) fn repeats(&self, submission: &Submission) -> Result<Option<u64>, EngineError> {
        let Some(source) = self.sources.number(&submission.source) else {
            return Ok(None);
        };
        match &submission.statement {
            Statement::Event(event) => {
                self.read_offset(&keys::seen_event(source, event.digest.half()))
            }
            Statement::Snapshot(snapshot) => {
                if let Some(key) = &snapshot.idempotency_key {
                    let half = Digest::of(key.as_bytes()).half();
                    if let Some(offset) = self.read_offset(&keys::seen_key(source, half))? {
                        return Ok(Some(offset));
                    }
                }
                // Whoever promises to submit keeps the promise by saying the same again.
                let cadences = self.claimants.mesh().cadences();
                if cadences.contains_key(&submission.source) {
                    return Ok(None);
                }
                self.repeats_latest(source, snapshot)
            }
            // The writer judges these before it takes them.
            Statement::Manual(_) => Ok(None),
        }
    }

    fn read_offset(&self, key: &[u8]) -> Result<Option<u64>, EngineError> {
        let value = self.txn.get(key)?;
        value
            .map(|bytes| Ok(decode_value("an offset", &bytes)?))
            .transpose()
    }

    /// Applies one entry; what it changed is in the graph, and pending in the transaction.
    pub(crate) fn apply(
        &mut self,
        offset: Offset,
        entry: LogEntry,
    ) -> Result<Receipt, EngineError> {
        match entry {
            LogEntry::Submission(submission, facts) => {
                self.apply_submission(offset, &submission, &facts)
            }
            LogEntry::Mesh(mesh, received_at) => {
                self.txn
                    .put(keys::MESH.to_vec(), encode_mesh(&mesh, received_at));
                self.adopt_rules(&mesh)?;
                self.claimants = Arc::new(Claimants::new(mesh)?);
                self.assign_domains();
                self.settle(offset)?;
                // Findings are of submissions; the mesh has none to keep them.
                self.findings.clear();
                Ok(Receipt {
                    offset: offset.get(),
                    ..Receipt::default()
                })
            }
            LogEntry::Prune(prune) => {
                self.apply_prune(prune)?;
                Ok(Receipt {
                    offset: offset.get(),
                    ..Receipt::default()
                })
            }
            LogEntry::Gone(_) => Ok(Receipt {
                offset: offset.get(),
                ..Receipt::default()
            }),
        }
    }

    fn apply_submission(
        &mut self,
        offset: Offset,
        submission: &Submission,
        facts: &[u8],
    ) -> Result<Receipt, EngineError> {
        // A repeated event never gets into the log; whether a snapshot repeats the one before it may depend on an
        // entry of the same commit.
        if matches!(submission.statement, Statement::Snapshot(_))
            && let Some(accepted) = self.repeats(submission)?
        {
            return Ok(Receipt {
                offset: accepted,
                is_repeat: true,
                ..Receipt::default()
            });
        }
        let source = self.source_for(submission);
        self.domain = submission.source.domain.as_str().into();
        let diagnostics = match &submission.statement {
            Statement::Snapshot(snapshot) => {
                self.apply_snapshot(offset, source, submission, snapshot)?;
                &snapshot.diagnostics
            }
            Statement::Event(event) => {
                self.apply_event(offset, source, event, facts)?;
                let key = keys::seen_event(source, event.digest.half());
                self.txn.put(key, encode_value(&offset.get()));
                &event.diagnostics
            }
            Statement::Manual(manual) => {
                self.apply_manual(offset, source, submission, manual)?;
                const { &Vec::new() }
            }
        };
        self.findings
            .extend(diagnostics.iter().map(crate::claims::diagnostic_record));
        let counts = self.settle(offset)?;
        let findings = std::mem::take(&mut self.findings);
        for (number, finding) in findings.iter().enumerate() {
            let key = keys::diagnostic(offset, number as u32);
            self.txn.put(key, encode_value(finding));
        }
        let record = SubmissionRecord {
            received_at: submission.received_at.as_micros(),
            added_count: counts.added,
            removed_count: counts.removed,
            unchanged_count: counts.unchanged,
            diagnostics_count: findings.len() as u32,
            has_error: matches!(
                &submission.statement,
                Statement::Snapshot(snapshot) if snapshots::has_error(snapshot)
            ),
        };
        self.stand(source, Standing::of(offset.get(), &record));
        self.txn
            .put(keys::submission(source, offset), encode_value(&record));
        Ok(Receipt {
            offset: offset.get(),
            added_count: counts.added,
            removed_count: counts.removed,
            unchanged_count: counts.unchanged,
            is_repeat: false,
        })
    }

    /// The assets that would stand for raw names if the mesh had these rules: those for which another one would.
    pub(crate) fn rehearse(
        &mut self,
        rules: IdentityRules,
    ) -> Result<BTreeMap<u32, u32>, EngineError> {
        self.adopt_rules(&Mesh::default().with_identity(Some(rules)))?;
        let touched = std::mem::take(&mut self.changes.identities);
        self.reclassify(&touched)
    }

    /// Keeps what a source submitted last.
    pub(crate) fn stand(&mut self, source: u32, standing: Standing) {
        let at = source as usize;
        if self.standings.len() <= at {
            self.standings.resize(at + 1, None);
        }
        self.standings[at] = Some(standing);
    }

    /// The number of the submission's source, which is new if nobody submitted as it before.
    fn source_for(&mut self, submission: &Submission) -> u32 {
        let kind = match submission.statement {
            Statement::Snapshot(_) => SourceKind::Snapshot,
            Statement::Event(_) => SourceKind::Events,
            Statement::Manual(_) => SourceKind::Manual,
        };
        if let Some(number) = self.sources.number(&submission.source) {
            return number;
        }
        let number = self.sources.add(&submission.source, kind);
        self.intern(submission.source.domain.as_str());
        self.put_source(number);
        number
    }

    fn put_source(&mut self, number: u32) {
        if let Some(source) = self.sources.get(number) {
            self.txn
                .put(keys::source(number), encode_value(&source_record(&source)));
        }
    }

    /// Makes what was applied part of the state.
    pub(crate) fn commit(&mut self, applied: Offset, at: Timestamp) -> Result<(), EngineError> {
        self.txn
            .put(keys::COMMITTED_AT.to_vec(), encode_value(&at.as_micros()));
        let documents = std::mem::take(&mut self.documents);
        self.index_documents(&documents)?;
        self.txn.commit(applied)
    }

    fn intern(&mut self, word: &str) -> u32 {
        let (number, is_new) = self.words.intern(word);
        if is_new {
            self.txn.put(keys::word(number), word.as_bytes().to_vec());
        }
        number
    }

    fn slot(&mut self, slot: SlotKey) -> Result<Option<SlotRecord>, EngineError> {
        if let Some((_, record)) = self.slots.remove(&slot) {
            return Ok(Some(record));
        }
        let value = self.txn.reader().get_parts(&keys::slot(slot))?;
        value
            .map(|bytes| Ok(decode_value("a slot", &bytes)?))
            .transpose()
    }

    fn put_slot(&mut self, slot: SlotKey, record: SlotRecord) {
        self.txn
            .put_parts(&keys::slot(slot), &encode_value(&record));
        self.slots.insert(slot, record);
    }

    /// What the entry in progress changed, by text for the columns of the graph.
    fn words_of(&mut self, words: &std::collections::BTreeSet<Str>) -> Vec<u32> {
        let mut numbers: Vec<u32> = words.iter().map(|word| self.intern(word)).collect();
        numbers.sort_unstable();
        numbers
    }
}

fn source_record(source: &SourceState) -> SourceRecord {
    SourceRecord {
        domain: source.key.domain.as_str().into(),
        name: source.key.name.as_str().into(),
        kind: source.rank_of_kind(),
        extractor: source.extractor.clone(),
    }
}

/// How many claims an entry added, ended and repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) added: u64,
    pub(crate) removed: u64,
    pub(crate) unchanged: u64,
}
