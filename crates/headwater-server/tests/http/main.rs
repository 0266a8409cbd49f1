//! The service's router, asked without a network.

mod bodies;
mod identity;
mod min_offset;
mod support;
mod webhooks;
mod websocket;
