//! The durable log and the rebuildable state.
