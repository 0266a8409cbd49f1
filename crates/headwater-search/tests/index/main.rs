//! The index against a naive reference: a scan of all documents with the same rules.

mod bounds;
mod examples;
mod files;
mod properties;
mod reference;
mod support;
