//! The schema, asked as clients ask it: bytes of JSON in, bytes of JSON out.

mod answers;
mod catalog;
mod errors;
mod limits;
mod lists;
mod loads;
mod manual;
mod pages;
mod past;
mod products;
mod runs;
mod schema;
mod support;
