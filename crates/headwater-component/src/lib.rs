//! From an extractor's source to its component: how it is compiled, and how the module that comes out is wrapped.
//!
//! - [`WASM_TARGET`], [`compiler_flags`]: what `cargo build` is told.
//! - [`install_target`]: the compiler's library for it.
//! - [`from_core`]: a module becomes a validated component with its [`API_SECTION`].
//! - [`from_text`]: the same for WebAssembly text.

mod encode;
mod flags;
mod toolchain;

pub use encode::{API_SECTION, from_core, from_text};
pub use flags::{STACK_BYTES, WASM_TARGET, compiler_flags};
pub use toolchain::{install_target, rustc, sysroot};
