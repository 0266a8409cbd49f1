//! When two names are one dataset.
//!
//! A [`Resolver`] turns a raw name into its normal form, step by step: names whose normal forms are equal are one
//! dataset. [`RULES`] is the ordered list of what it does; what operators configure ([`headwater_model::IdentityRule`])
//! takes part in it at fixed places. Every step says in words what it did and by which rule.
//!
//! Nothing is guessed: where no rule applies, a name stays as it is written, and equals only itself. A merge that is
//! missed shows as an unresolved dataset; one that is wrong makes every answer around it wrong.
//!
//! Source of the namespaces and of how many parts names have: the naming conventions of OpenLineage.

mod brokers;
mod folding;
mod jdbc;
mod jobs;
mod location;
mod maps;
mod parts;
mod paths;
mod resolver;
mod rules;
mod schemes;
mod work;

pub use folding::{Casing, Fold};
pub use jobs::{JobForm, job_form};
pub use location::is_scoped;
pub use resolver::{Form, Resolved, Resolver, RuleError, Step};
pub use rules::{RULES, Rule};
pub use schemes::{SCHEMES, Scheme, Shape};
