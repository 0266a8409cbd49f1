//! The extractions of a service, with extractors that run natively.

mod extractors;
mod fetching;
mod sources;
mod support;
