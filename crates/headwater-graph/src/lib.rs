//! Immutable graph snapshots and the walks over them.
