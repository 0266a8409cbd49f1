//! SQL with holes: what stands in braces is replaced by something that parses.

/// What stands for a part of a name, or of a quoted text, that a template would fill in.
pub const HOLE: &str = "headwater_template";

/// SQL in which nothing is left of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// The SQL; lines are where they were.
    pub text: String,
    /// Whether anything was replaced.
    pub is_template: bool,
    /// Whether it has branches or loops.
    pub has_blocks: bool,
}

/// Whether a name was made by a template, so that nobody knows it.
pub fn is_hole(name: &str) -> bool {
    name.to_ascii_lowercase().contains(HOLE)
}

/// Fills in a template of Jinja: printed values are `(NULL)` or a part of a name, blocks stand without their tags.
/// `print` may know better what is printed. With `first_only`, of several branches only the first one stays.
pub fn jinja(sql: &str, first_only: bool, print: &mut dyn FnMut(&str) -> Option<String>) -> Filled {
    let mut filled = Filled::default();
    let mut rest = sql;
    let mut quotes = Quotes::default();
    // Blocks of which a later branch is being left out, one inside of the other.
    let mut left_out = 0_usize;
    let mut depth = 0_usize;
    while let Some(at) = next_tag(rest) {
        let (before, tag) = rest.split_at(at);
        if left_out == 0 {
            quotes.pass(before);
            filled.text.push_str(before);
        } else {
            lines(before, &mut filled.text);
        }
        let close = match &tag[..2] {
            "{{" => "}}",
            "{%" => "%}",
            _ => "#}",
        };
        let Some(end) = tag.find(close) else {
            filled.text.push_str(tag);
            return filled;
        };
        filled.is_template = true;
        let inside = tag[2..end].trim_matches(['-', '+']).trim();
        rest = &tag[end + 2..];
        if close == "}}" && left_out == 0 {
            let text = print(inside).unwrap_or_else(|| {
                let is_part = quotes.is_open() || is_joined(&filled.text, rest);
                if is_part {
                    HOLE.into()
                } else {
                    "(NULL)".into()
                }
            });
            filled.text.push_str(&text);
        } else if close == "%}" {
            filled.has_blocks = true;
            match inside.split_whitespace().next().unwrap_or("") {
                "if" | "for" => depth += 1,
                "else" | "elif" if first_only && left_out == 0 => left_out = depth,
                "endif" | "endfor" => {
                    if left_out == depth {
                        left_out = 0;
                    }
                    depth = depth.saturating_sub(1);
                }
                _ => {}
            }
        }
        lines(&tag[..end], &mut filled.text);
    }
    if left_out == 0 {
        filled.text.push_str(rest);
    }
    filled
}

/// Keeps the line breaks of what is left out.
fn lines(text: &str, into: &mut String) {
    into.extend(text.chars().filter(|char| *char == '\n'));
}

fn next_tag(text: &str) -> Option<usize> {
    let found = text.match_indices('{');
    let mut found = found.map(|(at, _)| at);
    found.find(|at| matches!(text.as_bytes().get(at + 1), Some(b'{' | b'%' | b'#')))
}

/// Words of SQL that a table's name follows.
const BEFORE_TABLES: [&str; 6] = ["from", "join", "into", "update", "table", "using"];

/// Whether what stands in between is a part of a longer name, or a table's name.
pub fn is_joined(before: &str, after: &str) -> bool {
    let last = before.split_whitespace().next_back().unwrap_or_default();
    let is_table = before.ends_with(char::is_whitespace)
        && BEFORE_TABLES
            .iter()
            .any(|word| last.eq_ignore_ascii_case(word));
    if is_table {
        return true;
    }
    let is_name =
        |char: char| char.is_alphanumeric() || matches!(char, '_' | '.' | '"' | '`' | '$');
    let after = after.chars().next();
    let before = before.chars().next_back();
    before.is_some_and(is_name) || after.is_some_and(|char| is_name(char) || char == '{')
}

/// Which quotation is open.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quotes(Option<char>);

impl Quotes {
    /// Goes on over a text.
    pub fn pass(&mut self, text: &str) {
        let mut chars = text.chars().peekable();
        while let Some(char) = chars.next() {
            match (self.0, char) {
                (None, '\'' | '"' | '`') => self.0 = Some(char),
                (Some(open), char) if open == char => self.0 = None,
                // A comment may have an apostrophe.
                (None, '-') if chars.peek() == Some(&'-') => {
                    chars.by_ref().find(|char| *char == '\n');
                }
                _ => {}
            }
        }
    }

    /// Whether one is open.
    pub fn is_open(self) -> bool {
        self.0.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, first_only: bool, expected: &str) {
        let filled = jinja(sql, first_only, &mut |inside| {
            (inside == "known").then(|| "sum(x)".to_owned())
        });
        assert_eq!(filled.text, expected, "{sql}");
    }

    #[test]
    fn holes_parse_and_lines_stay() {
        check("a = {{ b }} and c", false, "a = (NULL) and c");
        check("'{{ b }}'", false, "'headwater_template'");
        check("from {{ s }}.t", false, "from headwater_template.t");
        check("{{ known }}", false, "sum(x)");
        check(
            "FROM\n {{ t }} where",
            false,
            "FROM\n headwater_template where",
        );
        check("a {# x\ny #} b", false, "a \n b");
        check("-- it's\n{{ a }}", false, "-- it's\n(NULL)");
        let sql = "x {% if a %}1{% if b %}2{% else %}3{% endif %}{% else %}4{% endif %} y";
        check(sql, false, "x 1234 y");
        check(sql, true, "x 12 y");
        check("a {{ b", false, "a {{ b");
    }
}
