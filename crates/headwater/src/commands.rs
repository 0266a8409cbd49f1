//! One module for each command: its arguments, and what it does.

pub(crate) mod aliases;
pub(crate) mod backup;
pub(crate) mod catalog;
pub(crate) mod diff;
pub(crate) mod domains;
pub(crate) mod export;
pub(crate) mod extract;
pub(crate) mod history;
pub(crate) mod impact;
pub(crate) mod lineage;
pub(crate) mod manual;
pub(crate) mod paths;
pub(crate) mod plugin;
pub(crate) mod prune;
pub(crate) mod repair;
pub(crate) mod resolve;
pub(crate) mod search;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod shell;
pub(crate) mod source;
pub(crate) mod status;
pub(crate) mod submit;
pub(crate) mod unresolved;
pub(crate) mod verify;
pub(crate) mod watch;
