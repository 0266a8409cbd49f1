//! The use cases: submit, resolve, reconcile, ask.
