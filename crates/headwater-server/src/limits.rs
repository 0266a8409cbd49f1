//! Bounds of the service, each with its default.

use std::time::Duration;

/// What one request, and all of them together, may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one OpenLineage event, unpacked. Default 8 MiB.
    pub event_bytes_max: usize,
    /// Bytes of one submission of facts, unpacked. Default 256 MiB.
    pub submission_bytes_max: usize,
    /// Bytes of one GraphQL request. Default 1 MiB.
    pub graphql_bytes_max: usize,
    /// Time that a request may take, its body included. Default 120 s.
    pub request_timeout: Duration,
    /// Time that the headers of a request may take. Default 10 s.
    pub headers_timeout: Duration,
    /// Time that a client may take none of what it is sent, before its connection is closed. Default 30 s.
    pub write_timeout: Duration,
    /// Bytes of the bodies of all requests under way, packed and unpacked; more is refused. Default 512 MiB.
    pub bodies_bytes_max: usize,
    /// Connections at a time; more wait to be accepted. Default 4,096.
    pub connections_max: usize,
    /// Questions that are answered at a time; more wait. Default 4 for each core.
    pub questions_max: usize,
    /// Submissions of facts that are dealt with at a time, once they have arrived; more wait. Default 2.
    pub submissions_max: usize,
    /// Uploads of artifacts at a time; more wait. Default 4.
    pub uploads_max: usize,
    /// Time that a request waits for the offset that it names to become visible. Default 10 s.
    pub min_offset_timeout: Duration,
    /// Websockets at a time; more are refused. Default 256.
    pub websockets_max: usize,
    /// Subscriptions and other operations at a time on one websocket; more are refused. Default 16.
    pub subscriptions_max: usize,
    /// Messages that wait for the client of one websocket before its subscriptions wait. Default 16.
    pub websocket_buffer_max: usize,
    /// Time that the client of a websocket gets to introduce itself. Default 10 s.
    pub websocket_init_timeout: Duration,
    /// Time between pings on a websocket; one that says nothing for twice as long is cut off. Default 20 s.
    pub websocket_ping: Duration,
    /// Time that the client of a websocket may take none of what it is sent, before its subscriptions end with an error
    /// that says after which offset to go on. Default 10 s.
    pub slow_consumer_timeout: Duration,
    /// Time that requests under way get to end when the service stops. Default 20 s.
    pub shutdown_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            event_bytes_max: 8 << 20,
            submission_bytes_max: 256 << 20,
            graphql_bytes_max: 1 << 20,
            request_timeout: Duration::from_secs(120),
            headers_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            bodies_bytes_max: 512 << 20,
            connections_max: 4096,
            questions_max: 4 * cores,
            submissions_max: 2,
            uploads_max: 4,
            min_offset_timeout: Duration::from_secs(10),
            websockets_max: 256,
            subscriptions_max: 16,
            websocket_buffer_max: 16,
            websocket_init_timeout: Duration::from_secs(10),
            websocket_ping: Duration::from_secs(20),
            slow_consumer_timeout: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(20),
        }
    }
}
