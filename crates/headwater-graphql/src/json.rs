//! Writing JSON into bytes.

use async_graphql::Value;

/// Writes anything that serde can write.
pub(crate) fn serialized<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("values in memory can be written to memory");
}

/// Writes a string.
pub(crate) fn text(out: &mut Vec<u8>, text: &str) {
    serialized(out, text);
}

/// Writes a number.
pub(crate) fn number(out: &mut Vec<u8>, number: i32) {
    serialized(out, &number);
}

/// Writes true or false.
pub(crate) fn boolean(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Writes null.
pub(crate) fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(b"null");
}

/// Writes what is between `brackets`, one of `items` after the other, with commas.
///
/// # Errors
/// The first that `write` gives.
pub(crate) fn sequence<I, E>(
    out: &mut Vec<u8>,
    brackets: [u8; 2],
    items: impl IntoIterator<Item = I>,
    mut write: impl FnMut(&mut Vec<u8>, I) -> Result<(), E>,
) -> Result<(), E> {
    out.push(brackets[0]);
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, item)?;
    }
    out.push(brackets[1]);
    Ok(())
}

/// Writes the key of an object's field. GraphQL names need no escapes.
pub(crate) fn key(out: &mut Vec<u8>, name: &str) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Writes a value; bytes in it are JSON already.
pub(crate) fn value(out: &mut Vec<u8>, of: &Value) {
    let written: Result<(), std::convert::Infallible> = match of {
        Value::Binary(json) => {
            out.extend_from_slice(json);
            Ok(())
        }
        Value::List(items) => sequence(out, *b"[]", items, |out, item| {
            value(out, item);
            Ok(())
        }),
        Value::Object(fields) => sequence(out, *b"{}", fields, |out, (name, field)| {
            // Facets are objects too, and have keys of any kind.
            text(out, name.as_str());
            out.push(b':');
            value(out, field);
            Ok(())
        }),
        other => {
            serialized(out, other);
            Ok(())
        }
    };
    let Ok(()) = written;
}

/// How many parts of a value are JSON already.
pub(crate) fn written_count(of: &Value) -> usize {
    match of {
        Value::Binary(_) => 1,
        Value::List(items) => items.iter().map(written_count).sum(),
        Value::Object(fields) => fields.values().map(written_count).sum(),
        _ => 0,
    }
}
