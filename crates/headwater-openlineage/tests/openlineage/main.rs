//! What events say, checked on small events written here and on what real clients send.

mod canonical;
mod captured;
mod facets;
mod lenient;
mod notation;
mod real;
mod refused;
mod robust;
