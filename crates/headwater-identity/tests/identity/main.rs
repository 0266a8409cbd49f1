//! When two names are one dataset.

mod cases;
mod docs;
mod properties;
mod rules;
