//! Credentials in URLs.

/// `text` without the user information of its URLs (`user:password@`, RFC 3986, 3.2.1); none if there is none.
///
/// `text` is plain or the text of a JSON value, whose slashes may be escaped.
pub(crate) fn without_user_info(text: &str) -> Option<String> {
    let mut clean = String::new();
    let mut kept = 0;
    let mut from = 0;
    while let Some(start) = authority(text, from) {
        let end = start + authority_bytes(&text.as_bytes()[start..]);
        if let Some(at) = text[start..end].rfind('@') {
            clean.push_str(&text[kept..start]);
            kept = start + at + 1;
        }
        from = end;
    }
    if kept == 0 {
        return None;
    }
    clean.push_str(&text[kept..]);
    Some(clean)
}

/// Where the next authority after `from` starts.
fn authority(text: &str, from: usize) -> Option<usize> {
    let plain = text[from..].find("://").map(|at| from + at + 3);
    let escaped = text[from..].find(r":\/\/").map(|at| from + at + 5);
    match (plain, escaped) {
        (Some(plain), Some(escaped)) => Some(plain.min(escaped)),
        (plain, escaped) => plain.or(escaped),
    }
}

/// How long the authority is that `bytes` begin with; it ends at an ASCII character.
fn authority_bytes(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'/' | b'?' | b'#' | b'"' | b' ' | b'\t' | b'\n' | b'\r' => break,
            b'\\' if bytes.get(at + 1) == Some(&b'/') => break,
            // The escaped character is a part of the authority, most likely of a password.
            b'\\' if bytes.get(at + 1).is_some_and(u8::is_ascii) => at += 2,
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::without_user_info;

    #[test]
    fn user_and_password_go_and_the_rest_stays() {
        let check = |text: &str, clean: Option<&str>| {
            assert_eq!(without_user_info(text).as_deref(), clean, "{text}");
        };
        check("postgres://db:5432/shop", None);
        check("file", None);
        check("https://host/path@v1", None);
        check(
            "postgres://ann:s3cret@db:5432/shop",
            Some("postgres://db:5432/shop"),
        );
        check(
            "jdbc:mysql://ann:p@ss@db/shop?x=1",
            Some("jdbc:mysql://db/shop?x=1"),
        );
        check("s3://key@bucket", Some("s3://bucket"));
        check(
            r#"{"uri": "http:\/\/ann:a\"b\\@h\/x", "b": "ftp://u@g"}"#,
            Some(r#"{"uri": "http:\/\/h\/x", "b": "ftp://g"}"#),
        );
        check("a://é:ü@h", Some("a://h"));
        check("a://@", Some("a://"));
        check("://\\", None);
    }
}
