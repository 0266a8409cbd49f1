//! The GraphQL schema over the engine.
