//! When two names are one dataset.

mod cases;
mod properties;
mod rules;
