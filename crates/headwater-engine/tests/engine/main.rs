//! The engine from outside: submit, then ask.

mod aliases;
mod columns;
mod completeness;
mod contract;
mod disk;
mod domains;
mod events;
mod export;
mod fields;
mod identity;
mod identity_rules;
mod manual;
mod past;
mod peers;
mod recovery;
mod retention;
mod runs;
mod search;
mod secrets;
mod simulation;
mod snapshots;
mod staleness;
mod support;
mod verify;
