//! The GraphQL schema over the engine.
//!
//! [`Api`] takes requests and gives responses as bytes of JSON, so that its users need to know nothing of the GraphQL
//! library. A request pins one view of the graph when it begins, and all of its answer is read from that.

#![allow(
    clippy::unused_async,
    reason = "the library wants resolvers to be async; the engine is synchronous"
)]

mod api;
mod asset;
mod catalog;
mod changes;
mod cursor;
mod dataset;
mod diff;
mod document;
mod domain;
mod error;
mod extraction;
mod feed;
mod field;
mod history;
mod identity;
mod impact;
mod input;
mod job;
mod json;
mod limits;
mod lineage;
mod loads;
mod manual;
mod nulls;
mod operators;
mod page;
mod paths;
mod plugin;
mod product;
mod query;
mod quick;
mod run;
mod scalars;
mod scope;
mod search;
mod source;
mod stall;

pub use api::{Api, Calendar, Clock, Response};
pub use feed::{Feed, Opened, Step};
pub use limits::Limits;
