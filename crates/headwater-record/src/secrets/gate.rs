//! The quick look that most submissions do not get past: what has no sign of a secret has no secret.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::keys::{PAIRS, WORDS};

/// Signs of secrets that no key names, and of characters that hide one.
const LOOKS: [&str; 10] = [
    "bearer ",
    "basic ",
    "sig=",
    "-----begin",
    "akia",
    "oracle:thin:",
    // Credentials in URLs.
    "@",
    // An escaped character may hide any sign.
    "\\u00",
    // The sign of Kelvin, whose lower case is `k`.
    "\u{212a}",
    "\\u212a",
];

/// Pairs of words that name a secret where a third word is near.
const PAIRS_OF_THREE: [(&str, &str); 2] = [("key", "id"), ("user", "info")];

/// Each a sign by itself: one that is in another one is enough.
static SIGNS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let mut signs: Vec<&str> = WORDS.into_iter().chain(LOOKS).chain(["pass"]).collect();
    signs.sort_unstable_by_key(|sign| sign.len());
    let mut shortest: Vec<&str> = Vec::new();
    for sign in signs {
        if !shortest.iter().any(|short| sign.contains(short)) {
            shortest.push(sign);
        }
    }
    finder(shortest)
});

/// Pairs that are a sign together.
static SIGN_PAIRS: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    PAIRS
        .into_iter()
        .chain(PAIRS_OF_THREE)
        .filter(|(first, second)| !SIGNS.is_match(first) && !SIGNS.is_match(second))
        .collect()
});

static FIRSTS: LazyLock<AhoCorasick> =
    LazyLock::new(|| finder(SIGN_PAIRS.iter().map(|(first, _)| *first).collect()));

fn finder(signs: Vec<&str>) -> AhoCorasick {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(signs)
        .expect("a few short words make a small automaton")
}

/// False if there are surely no secrets in `text`.
pub(crate) fn is_open(text: &[u8]) -> bool {
    SIGNS.is_match(text) || has_pair(text)
}

/// True if two words of a pair follow each other, whatever joins them.
fn has_pair(text: &[u8]) -> bool {
    FIRSTS.find_overlapping_iter(text).any(|found| {
        let rest = &text[found.end()..];
        let joint = rest.iter().take_while(|b| !b.is_ascii_alphanumeric());
        let rest = &rest[joint.count()..];
        let (_, second) = SIGN_PAIRS[found.pattern().as_usize()];
        rest.get(..second.len())
            .is_some_and(|word| word.eq_ignore_ascii_case(second.as_bytes()))
    })
}
