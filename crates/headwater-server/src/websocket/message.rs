//! Messages of graphql-transport-ws.
//!
//! Source: the protocol's specification, `PROTOCOL.md` of graphql-ws.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The answer to the client's first message.
pub(super) const ACKNOWLEDGED: &str = r#"{"type":"connection_ack"}"#;
/// The answer to a ping.
pub(super) const PONG: &str = r#"{"type":"pong"}"#;

/// Why a connection is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: u16,
    pub(super) reason: String,
}

/// The longest reason that a close frame holds, in bytes.
const REASON_BYTES_MAX: usize = 120;

impl Close {
    fn new(code: u16, reason: &str) -> Self {
        let mut reason = reason.to_owned();
        while reason.len() > REASON_BYTES_MAX {
            reason.pop();
        }
        Self { code, reason }
    }

    pub(super) fn going_away() -> Self {
        Self::new(1001, "the service is stopping")
    }

    pub(super) fn invalid(reason: &str) -> Self {
        Self::new(4400, &format!("invalid message: {reason}"))
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(4401, "Unauthorized: connection_init comes first")
    }

    pub(super) fn init_timeout() -> Self {
        Self::new(4408, "Connection initialisation timeout")
    }

    pub(super) fn id_is_taken(id: &str) -> Self {
        Self::new(4409, &format!("Subscriber for {id} already exists"))
    }

    pub(super) fn too_many_inits() -> Self {
        Self::new(4429, "Too many initialisation requests")
    }

    /// The code is ours: the specification has none for it.
    pub(super) fn too_slow() -> Self {
        Self::new(
            4413,
            "too slow: the errors say after which offsets to go on",
        )
    }

    pub(super) fn is_too_slow(&self) -> bool {
        self.code == 4413
    }
}

/// What a client says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FromClient {
    Init,
    Ping,
    Pong,
    /// An operation begins: its request as JSON.
    Subscribe {
        id: String,
        payload: String,
    },
    /// The client wants no more of it.
    Complete {
        id: String,
    },
}

#[derive(Deserialize)]
struct Record<'a> {
    r#type: String,
    id: Option<String>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl FromClient {
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let record: Record<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let kind = record.r#type.as_str();
        let id = || record.id.clone().ok_or_else(|| format!("{kind} has no id"));
        Ok(match kind {
            "connection_init" => Self::Init,
            "ping" => Self::Ping,
            "pong" => Self::Pong,
            "complete" => Self::Complete { id: id()? },
            "subscribe" => Self::Subscribe {
                id: id()?,
                payload: record
                    .payload
                    .map(|payload| payload.get().to_owned())
                    .ok_or("subscribe has no payload")?,
            },
            _ => return Err(format!("there is no type {kind:?}")),
        })
    }
}

/// A result of the operation; `response` is JSON.
pub(super) fn next(id: &str, response: &[u8]) -> String {
    let id = Value::from(id);
    let response = String::from_utf8_lossy(response);
    format!(r#"{{"type":"next","id":{id},"payload":{response}}}"#)
}

/// The operation can't go on; `response` is JSON and has errors.
pub(super) fn failed(id: &str, response: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Response {
        errors: Value,
    }
    let errors = serde_json::from_slice::<Response>(response)
        .map_or_else(|_| json!([]), |response| response.errors);
    json!({"type": "error", "id": id, "payload": errors}).to_string()
}

/// The operation is through.
pub(super) fn complete(id: &str) -> String {
    json!({"type": "complete", "id": id}).to_string()
}

/// There are as many operations as there may be.
pub(super) fn too_many(id: &str, max: usize) -> String {
    let message = format!("{max} subscriptions of this connection are under way");
    error(id, &message, &json!({"code": "LIMIT_EXCEEDED"}))
}

/// The client takes less than there is to tell.
pub(super) fn too_slow(id: &str, resume: Option<u64>) -> String {
    let message = match resume {
        Some(offset) => format!("this client is too slow; go on after offset {offset}"),
        None => "this client is too slow; go on after the offset that it began with".to_owned(),
    };
    error(
        id,
        &message,
        &json!({"code": "LIMIT_EXCEEDED", "resumeAfter": resume}),
    )
}

fn error(id: &str, message: &str, extensions: &Value) -> String {
    let error = json!({"message": message, "extensions": extensions});
    json!({"type": "error", "id": id, "payload": [error]}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_the_specification_has_them() {
        let parse = |text: &str| FromClient::parse(text);
        assert_eq!(
            parse(r#"{"type":"connection_init","payload":{}}"#),
            Ok(FromClient::Init)
        );
        assert_eq!(parse(r#"{"type":"ping"}"#), Ok(FromClient::Ping));
        assert_eq!(
            parse(r#"{"id":"1","type":"subscribe","payload":{"query":"{ a }"}}"#),
            Ok(FromClient::Subscribe {
                id: "1".into(),
                payload: r#"{"query":"{ a }"}"#.into()
            })
        );
        for wrong in [
            "",
            "[]",
            "{}",
            r#"{"type":"start"}"#,
            r#"{"type":"subscribe","payload":{}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"complete"}"#,
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_reason_fits_into_a_close_frame() {
        let close = Close::invalid(&"ö".repeat(200));
        assert!(close.reason.len() <= REASON_BYTES_MAX);
    }
}
