//! Versioned serde records: log entries, state values, facts as JSON.
