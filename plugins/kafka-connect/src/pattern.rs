//! Names of which parts may be open, and the regular expressions of include and exclude lists.

use std::collections::BTreeSet;

use regex_lite::Regex;

/// The longest regular expression that is read.
const REGEX_BYTES_MAX: usize = 4096;
/// Regular expressions of one list; names that are no patterns do not count.
const REGEXES_MAX: usize = 256;
/// Names in one list.
const ITEMS_MAX: usize = 20_000;
/// How many names one regular expression of alternatives may stand for.
const ALTERNATIVES_MAX: usize = 64;

/// A part of a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Text(String),
    /// Whatever; parts of the same number are the same text.
    Any(u8),
}

/// A name, or a pattern of names.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Template(pub(crate) Vec<Part>);

impl Template {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self(vec![Part::Text(text.into())])
    }

    /// The name, if nothing is open.
    pub(crate) fn literal(&self) -> Option<String> {
        let mut name = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Any(_) => return None,
            }
        }
        Some(name)
    }

    /// With `prefix` before it.
    pub(crate) fn after(mut self, prefix: &str) -> Self {
        if !prefix.is_empty() {
            self.0.insert(0, Part::Text(prefix.to_owned()));
        }
        self
    }

    /// A glob: `*` for what is open, other special characters in brackets.
    pub(crate) fn glob(&self) -> String {
        let mut glob = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => {
                    for c in text.chars() {
                        if "*?[]{}!\\".contains(c) {
                            glob.extend(['[', c, ']']);
                        } else {
                            glob.push(c);
                        }
                    }
                }
                Part::Any(_) if glob.ends_with('*') => {}
                Part::Any(_) => glob.push('*'),
            }
        }
        glob
    }

    /// The name with `f` of each of its texts; what is open stays open.
    pub(crate) fn map(&self, f: impl Fn(&str) -> String) -> Self {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => Part::Text(f(text)),
            Part::Any(number) => Part::Any(*number),
        });
        Self(parts.collect())
    }

    /// `format` with every `placeholder` replaced by the name.
    pub(crate) fn within(&self, format: &str, placeholder: &str) -> Self {
        let mut parts = Vec::new();
        for (position, text) in format.split(placeholder).enumerate() {
            if position > 0 {
                parts.extend(self.0.iter().cloned());
            }
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
        }
        Self(parts)
    }

    fn regex(&self) -> Option<Regex> {
        let mut text = String::from("^");
        for part in &self.0 {
            match part {
                Part::Text(part) => text.push_str(&regex_lite::escape(part)),
                Part::Any(_) => text.push_str("(.+?)"),
            }
        }
        text.push('$');
        (text.len() <= REGEX_BYTES_MAX).then(|| Regex::new(&text).ok())?
    }
}

/// Finds what is open in a pattern by a name that matches.
#[derive(Debug)]
pub(crate) struct Matcher {
    regex: Regex,
    numbers: Vec<u8>,
}

impl Matcher {
    pub(crate) fn new(template: &Template) -> Option<Self> {
        let numbers = template.0.iter().filter_map(|part| match part {
            Part::Any(number) => Some(*number),
            Part::Text(_) => None,
        });
        Some(Self {
            regex: template.regex()?,
            numbers: numbers.collect(),
        })
    }

    /// `other` with what `name` has in place of the open parts; none if it does not match, or says too little.
    pub(crate) fn carry(&self, name: &str, other: &Template) -> Option<String> {
        let found = self.regex.captures(name)?;
        let value = |number: u8| {
            let mut values = self
                .numbers
                .iter()
                .enumerate()
                .filter(|(_, other)| **other == number)
                .filter_map(|(at, _)| found.get(at + 1).map(|value| value.as_str()));
            let first = values.next()?;
            values.all(|other| other == first).then_some(first)
        };
        let mut carried = String::new();
        for part in &other.0 {
            match part {
                Part::Text(text) => carried.push_str(text),
                Part::Any(number) => carried.push_str(value(*number)?),
            }
        }
        Some(carried)
    }
}

/// A regular expression that matches names as a whole, as Java's `matches` does.
pub(crate) fn whole(text: &str, ignores_case: bool) -> Option<Regex> {
    if text.len() > REGEX_BYTES_MAX {
        return None;
    }
    let flag = if ignores_case { "(?i)" } else { "" };
    Regex::new(&format!("{flag}^(?:{text})$")).ok()
}

/// A list of names and regular expressions.
#[derive(Clone, Debug, Default)]
pub(crate) struct List {
    names: BTreeSet<String>,
    regexes: Vec<Regex>,
    /// As they are written, in their order.
    pub(crate) items: Vec<Item>,
    /// Items that are no regular expression here, or too many.
    pub(crate) refused: Vec<String>,
}

/// An item of a list.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) templates: Vec<Template>,
    /// Whether the templates match only what the regular expression does.
    pub(crate) is_exact: bool,
}

impl List {
    /// Reads the items of a list; names are compared without case, as Debezium does.
    pub(crate) fn new(items: &[&str]) -> Self {
        let mut list = Self::default();
        for text in items {
            if list.items.len() + list.refused.len() >= ITEMS_MAX {
                list.refused.push((*text).to_owned());
                break;
            }
            let item = templates(text);
            let literal = match &item.templates[..] {
                [one] if item.is_exact => one.literal(),
                _ => None,
            };
            if let Some(name) = literal {
                list.names.insert(name.to_lowercase());
            } else {
                let regex = if list.regexes.len() < REGEXES_MAX {
                    whole(text, true)
                } else {
                    None
                };
                let Some(regex) = regex else {
                    list.refused.push((*text).to_owned());
                    continue;
                };
                list.regexes.push(regex);
            }
            list.items.push(item);
        }
        list
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.refused.is_empty()
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        self.names.contains(&name.to_lowercase())
            || self.regexes.iter().any(|regex| regex.is_match(name))
    }
}

/// What an include and an exclude list let through.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) include: List,
    pub(crate) exclude: List,
}

impl Filter {
    pub(crate) fn admits(&self, name: &str) -> bool {
        (self.include.is_empty() || self.include.matches(name)) && !self.exclude.matches(name)
    }
}

/// The names that a regular expression stands for. A dot that no quantifier follows is a dot, as people mean it.
pub(crate) fn templates(regex: &str) -> Item {
    let text = regex.strip_prefix('^').unwrap_or(regex);
    let text = match text.strip_suffix('$') {
        Some(rest) if !rest.ends_with('\\') => rest,
        _ => text,
    };
    let chars: Vec<char> = text.chars().collect();
    let mut reader = Reader {
        chars: &chars,
        at: 0,
        is_exact: true,
        opened: 0,
    };
    let read = reader.alternatives(0);
    match read {
        Some(templates) if reader.at == chars.len() => Item {
            templates,
            is_exact: reader.is_exact,
        },
        _ => Item {
            templates: vec![Template(vec![Part::Any(0)])],
            is_exact: false,
        },
    }
}

struct Reader<'c> {
    chars: &'c [char],
    at: usize,
    is_exact: bool,
    opened: u8,
}

const DEPTH_MAX: usize = 8;

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// Alternatives up to a closing parenthesis or the end.
    fn alternatives(&mut self, depth: usize) -> Option<Vec<Template>> {
        let mut all = self.sequence(depth)?;
        while self.peek() == Some('|') {
            self.at += 1;
            all.extend(self.sequence(depth)?);
            if all.len() > ALTERNATIVES_MAX {
                return None;
            }
        }
        Some(all)
    }

    fn sequence(&mut self, depth: usize) -> Option<Vec<Template>> {
        let mut all = vec![Template::default()];
        while let Some(c) = self.peek() {
            let pieces = match c {
                '|' | ')' => break,
                '(' => self.group(depth)?,
                '[' => self.class()?,
                '\\' => self.escape()?,
                '.' => {
                    self.at += 1;
                    if self.quantifier() {
                        vec![self.open()]
                    } else {
                        vec![Template::text(".")]
                    }
                }
                '*' | '+' | '?' | '{' | '}' | '^' | '$' => return None,
                c => {
                    self.at += 1;
                    if self.quantifier() {
                        self.is_exact = false;
                        vec![self.open()]
                    } else {
                        vec![Template::text(c)]
                    }
                }
            };
            all = product(&all, &pieces)?;
        }
        Some(all)
    }

    fn open(&mut self) -> Template {
        let number = self.opened;
        self.opened = self.opened.saturating_add(1);
        Template(vec![Part::Any(number)])
    }

    fn group(&mut self, depth: usize) -> Option<Vec<Template>> {
        if depth >= DEPTH_MAX {
            return None;
        }
        self.at += 1;
        if self.peek() == Some('?') {
            if self.chars.get(self.at + 1) != Some(&':') {
                return None;
            }
            self.at += 2;
        }
        let inner = self.alternatives(depth + 1)?;
        if self.peek() != Some(')') {
            return None;
        }
        self.at += 1;
        if self.quantifier() {
            self.is_exact = false;
            return Some(vec![self.open()]);
        }
        Some(inner)
    }

    /// `[.]` is the character; any other class is open.
    fn class(&mut self) -> Option<Vec<Template>> {
        let end = self.chars[self.at..]
            .iter()
            .skip(2)
            .position(|c| *c == ']')?
            + self.at
            + 2;
        let inner: String = self.chars[self.at + 1..end].iter().collect();
        self.at = end + 1;
        let is_repeated = self.quantifier();
        let is_one = inner.chars().count() == 1 && !is_repeated;
        if is_one {
            return Some(vec![Template::text(inner)]);
        }
        self.is_exact = false;
        Some(vec![self.open()])
    }

    fn escape(&mut self) -> Option<Vec<Template>> {
        let c = self.chars.get(self.at + 1).copied()?;
        self.at += 2;
        let is_repeated = self.quantifier();
        if c.is_alphanumeric() || is_repeated {
            if c == 'Q' || c == 'E' {
                return None;
            }
            self.is_exact = false;
            return Some(vec![self.open()]);
        }
        Some(vec![Template::text(c)])
    }

    /// Takes a quantifier, if there is one.
    fn quantifier(&mut self) -> bool {
        match self.peek() {
            Some('*' | '+' | '?') => self.at += 1,
            Some('{') => {
                let Some(end) = self.chars[self.at..].iter().position(|c| *c == '}') else {
                    return false;
                };
                self.at += end + 1;
            }
            _ => return false,
        }
        if matches!(self.peek(), Some('?' | '+')) {
            self.at += 1;
        }
        true
    }
}

fn product(all: &[Template], pieces: &[Template]) -> Option<Vec<Template>> {
    if all.len() * pieces.len() > ALTERNATIVES_MAX {
        return None;
    }
    let mut made = Vec::with_capacity(all.len() * pieces.len());
    for before in all {
        for piece in pieces {
            let mut parts = before.0.clone();
            for part in &piece.0 {
                match (parts.last_mut(), part) {
                    (Some(Part::Text(text)), Part::Text(more)) => text.push_str(more),
                    _ => parts.push(part.clone()),
                }
            }
            made.push(Template(parts));
        }
    }
    Some(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(regex: &str, globs: &[&str], is_exact: bool) {
        let item = templates(regex);
        let found: Vec<String> = item.templates.iter().map(Template::glob).collect();
        assert_eq!(
            (found, item.is_exact),
            (
                globs.iter().map(|glob| (*glob).to_owned()).collect(),
                is_exact
            ),
            "{regex}"
        );
    }

    #[test]
    fn regular_expressions_are_names_or_globs() {
        check("inventory.orders", &["inventory.orders"], true);
        check("inventory\\.orders", &["inventory.orders"], true);
        check("inventory[.]orders", &["inventory.orders"], true);
        check("public.iris_.*", &["public.iris_*"], true);
        check(".*aggregates", &["*aggregates"], true);
        check("^shop\\.(a|b)$", &["shop.a", "shop.b"], true);
        check("shop\\.t\\d+", &["shop.t*"], false);
        check("a(b", &["*"], false);
        check("(?!x).*", &["*"], false);
    }

    #[test]
    fn what_is_open_is_carried_over() {
        let from = Template(vec![Part::Text("p.s.".into()), Part::Any(1)]);
        let to = Template(vec![Part::Text("db.s.".into()), Part::Any(1)]);
        let matcher = Matcher::new(&from).unwrap();
        assert_eq!(matcher.carry("p.s.orders", &to).unwrap(), "db.s.orders");
        assert_eq!(matcher.carry("p.t.orders", &to), None);
    }
}
