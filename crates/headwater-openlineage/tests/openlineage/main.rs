//! What events say, checked on small events written here and on what real clients send.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::needless_pass_by_value,
    reason = "JSON that is written in place is easier to read without a borrow"
)]

mod canonical;
mod captured;
mod examples;
mod facets;
mod lenient;
mod lineage;
mod notation;
mod real;
mod refused;
mod robust;
