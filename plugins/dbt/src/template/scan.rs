//! The tags of a template: `config` is taken out, and what must not be guessed is refused.

use super::Refusal;

/// Words by which a value decides, rather than being printed.
const DECIDING: [&str; 7] = ["if", "else", "and", "or", "not", "in", "is"];
/// Statements that need another template; dbt has none of them.
const OTHER_FILES: [&str; 4] = ["include", "import", "from", "extends"];
/// Signs by which it does.
const COMPARING: [&str; 4] = ["==", "!=", "<", ">"];

/// One tag, without its brackets.
struct Tag<'t> {
    is_statement: bool,
    content: &'t str,
    /// The line on which it begins, 1-based.
    line: u32,
}

/// The template without calls of `config`, whose arguments may be anything, and say nothing of columns.
///
/// # Errors
/// A refusal where the default of a `var` would decide: the project may have set it to something else.
pub(super) fn prepare(text: &str) -> Result<String, Refusal> {
    let mut prepared = String::with_capacity(text.len());
    let mut rest = text;
    let mut line = 1;
    while let Some(at) = rest
        .find("{{")
        .into_iter()
        .chain(rest.find("{%"))
        .chain(rest.find("{#"))
        .min()
    {
        prepared.push_str(&rest[..at]);
        line += lines(&rest[..at]);
        let length = tag_length(&rest[at..]);
        let whole = &rest[at..at + length];
        let content = whole.get(2..length.saturating_sub(2)).unwrap_or_default();
        let tag = Tag {
            is_statement: whole.starts_with("{%"),
            content: content
                .trim_matches(|sign: char| matches!(sign, '-' | '+') || sign.is_whitespace()),
            line,
        };
        let is_comment = whole.starts_with("{#");
        if !is_comment && !tag.is_statement && tag.is_config() {
            prepared.extend(std::iter::repeat_n('\n', lines(whole) as usize));
        } else {
            if !is_comment {
                tag.check()?;
            }
            prepared.push_str(whole);
        }
        line += lines(whole);
        rest = &rest[at + length..];
        if tag.is_statement && tag.content == "raw" {
            let end = rest.find("endraw").unwrap_or(rest.len());
            prepared.push_str(&rest[..end]);
            line += lines(&rest[..end]);
            rest = &rest[end..];
        }
    }
    prepared.push_str(rest);
    Ok(prepared)
}

fn lines(text: &str) -> u32 {
    text.bytes().filter(|byte| *byte == b'\n').count() as u32
}

/// Bytes from the opening brackets to the end of the closing ones; all of the rest if there are none.
fn tag_length(text: &str) -> usize {
    if text.starts_with("{#") {
        return text.find("#}").map_or(text.len(), |end| end + 2);
    }
    let closing = if text.starts_with("{{") { b"}}" } else { b"%}" };
    let bytes = text.as_bytes();
    let mut quote = None;
    let mut braces = 0_usize;
    let mut at = 2;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if open == byte => quote = None,
            (None, byte @ (b'\'' | b'"')) => quote = Some(byte),
            (None, _) if braces == 0 && bytes[at..].starts_with(closing) => return at + 2,
            (None, b'{') => braces += 1,
            (None, b'}') => braces = braces.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    text.len()
}

impl Tag<'_> {
    /// Whether it calls `config` and does nothing else.
    fn is_config(&self) -> bool {
        let Some(rest) = self.content.strip_prefix("config") else {
            return false;
        };
        let rest = rest.trim_start();
        let mut depth = 0_usize;
        let mut end = None;
        outside_strings(rest, &mut |at, sign| match sign {
            '(' => depth += 1,
            ')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && end.is_none() {
                    end = Some(at + 1);
                }
            }
            _ => {}
        });
        rest.starts_with('(') && end == Some(rest.len())
    }

    fn check(&self) -> Result<(), Refusal> {
        let mut plain = String::with_capacity(self.content.len());
        outside_strings(self.content, &mut |_, sign| plain.push(sign));
        let mut words = plain.split(|sign: char| !sign.is_alphanumeric() && sign != '_');
        let first = words.clone().find(|word| !word.is_empty());
        if self.is_statement && first.is_some_and(|word| OTHER_FILES.contains(&word)) {
            return Err(Refusal {
                reason: "it reads another template".into(),
                line: Some(self.line),
            });
        }
        let calls_var = words.clone().any(|word| word == "var");
        let decides = self.is_statement
            || words.any(|word| DECIDING.contains(&word))
            || COMPARING.iter().any(|sign| plain.contains(sign));
        if calls_var && decides {
            return Err(Refusal {
                reason: "what `var` is would decide, and the manifest does not tell it".into(),
                line: Some(self.line),
            });
        }
        Ok(())
    }
}

fn outside_strings(text: &str, tell: &mut dyn FnMut(usize, char)) {
    let mut quote = None;
    let mut is_escaped = false;
    for (at, sign) in text.char_indices() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(_) if sign == '\\' => is_escaped = true,
            Some(open) if open == sign => quote = None,
            Some(_) => {}
            None if matches!(sign, '\'' | '"') => quote = Some(sign),
            None => tell(at, sign),
        }
    }
}
