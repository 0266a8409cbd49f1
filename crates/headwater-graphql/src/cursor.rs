//! Cursors: a key (what the list is sorted by, then what tells nodes apart), opaque to clients.

use async_graphql::Result;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::invalid;

/// The longest cursor that is read, in bytes: keys hold a name at most.
const CURSOR_BYTES_MAX: usize = 16_384;

/// The cursor of an edge.
pub(crate) enum Cursor {
    /// Written when it is asked for, since pages of impact are large and few ask: list, hops and number.
    Hops(&'static str, u32, u32),
    /// As it is shown.
    Written(String),
}

impl Cursor {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Hops(list, hops, number) => write(list, &(hops, number)),
            Self::Written(text) => text.clone(),
        }
    }
}

/// The cursor of a node with that key in a list of that name.
pub(crate) fn of<K: Serialize>(list: &str, key: &K) -> Cursor {
    Cursor::Written(write(list, key))
}

/// Writes the cursor of a node with that key in a list of that name.
fn write<K: Serialize>(list: &str, key: &K) -> String {
    let text = serde_json::to_vec(&(list, key)).expect("keys are tuples of numbers and texts");
    URL_SAFE_NO_PAD.encode(text)
}

/// Reads the key out of a cursor of a list of that name.
pub(crate) fn read<K: DeserializeOwned>(list: &str, cursor: &str) -> Result<K> {
    let bytes = (cursor.len() <= CURSOR_BYTES_MAX)
        .then(|| URL_SAFE_NO_PAD.decode(cursor).ok())
        .flatten();
    bytes
        .and_then(|bytes| serde_json::from_slice::<(String, K)>(&bytes).ok())
        .filter(|(of, _)| of == list)
        .map(|(_, key)| key)
        .ok_or_else(|| {
            let shown: String = cursor.chars().take(100).collect();
            invalid(format!("after {shown:?} is no cursor of {list}"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let cursor = write("impact.assets", &(3, 7));
        assert_eq!(
            read::<(u32, u32)>("impact.assets", &cursor).ok(),
            Some((3, 7))
        );
    }

    #[test]
    fn what_is_no_cursor_of_the_list_is_named() {
        let other = write("search", &(3, 7));
        let long = "A".repeat(CURSOR_BYTES_MAX + 1);
        for cursor in ["", "nonsense", "%%%", other.as_str(), long.as_str()] {
            let error = read::<(u32, u32)>("impact.assets", cursor).expect_err("no cursor");
            assert!(
                error.message.contains("is no cursor of impact.assets"),
                "{error:?}"
            );
        }
    }
}
