//! The HTTP service: GraphQL, OpenLineage, submissions, health.
