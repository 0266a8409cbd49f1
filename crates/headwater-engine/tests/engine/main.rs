//! The engine from outside: submit, then ask.

mod aliases;
mod domains;
mod events;
mod fields;
mod recovery;
mod snapshots;
mod support;
