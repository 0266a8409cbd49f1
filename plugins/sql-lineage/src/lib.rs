//! Column lineage from SQL: which output column comes from which input columns, and how.
//!
//! [`analyze`] reads a script: it is split into statements ([`split`]), each is parsed with the rules of its dialect
//! ([`dialect`]), and what it reads and writes is resolved against what earlier statements made and a [`Catalog`].
//! What counts as an input and an output of each kind of statement is written down in `docs/sql-lineage.md`.
//!
//! ```
//! use sql_lineage::{Catalog, Options, analyze};
//!
//! let script = analyze("insert into t select max(s.a) as b from s", &Options::default(), &Catalog::default());
//! let edge = &script.statements[0].edges[0];
//! assert_eq!((edge.from.to_string(), edge.to.to_string()), ("s.a".into(), "t.b".into()));
//! ```

mod call;
mod catalog;
mod change;
mod control;
mod create;
pub mod dialect;
mod expr;
mod fixes;
mod from;
mod functions;
mod grammar;
mod insert;
mod intern;
mod model;
mod name;
mod origin;
mod parse;
mod pivot;
mod query;
mod rows;
mod scope;
mod script;
mod session;
mod sets;
pub mod split;
mod statement;
mod transfer;
mod unpack;
mod wildcard;
mod write;

pub use catalog::Catalog;
pub use dialect::Dialect;
pub use model::{
    Direct, Edge, End, Indirect, Influence, Place, Problem, Script, Severity, Statement,
    Transformations,
};
pub use name::TableName;
pub use script::{Options, analyze};
