//! The HTTP service: GraphQL, OpenLineage, submissions, health.
//!
//! Handlers parse, call the engine and convert. The engine is synchronous: writes wait for its callback, questions
//! run on threads of their own.

mod admin;
mod artifacts;
mod body;
mod budget;
mod error;
mod graphiql;
mod graphql;
mod health;
mod identity;
mod limits;
mod lineage;
mod metrics;
mod min_offset;
mod parameters;
mod router;
mod serve;
mod submissions;
mod trace;
pub mod webhooks;
mod websocket;

pub use headwater_openlineage::Mode as EventMode;
pub use limits::Limits;
pub use router::{App, Clock, Stopper, router};
pub use serve::serve;
pub use trace::{TRACE_TARGET, Tracer};
