//! Links between pages lead somewhere.

use pulldown_cmark::{Event, Parser, Tag};

use super::Finding;

/// Finds relative links and pictures on one page that lead to no file.
///
/// `exists` says whether a link's path leads to a file or folder. Addresses elsewhere are not followed.
pub(crate) fn check(file: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (event, range) in Parser::new(text).into_offset_iter() {
        let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event else {
            continue;
        };
        let Some(path) = local_path(&dest_url) else {
            continue;
        };
        if !exists(&path) {
            let line = text[..range.start].matches('\n').count() + 1;
            findings.push(Finding::of_line(
                file,
                line,
                format!("links to {path}, which is not there"),
            ));
        }
    }
    findings
}

/// The path in a link to another file of the project; `None` for an address or a place on the same page.
fn local_path(link: &str) -> Option<String> {
    let path = link.split(['#', '?']).next().unwrap_or_default();
    let scheme = path.split('/').next().unwrap_or_default();
    if path.is_empty() || scheme.contains(':') || path.starts_with("//") {
        return None;
    }
    Some(path.replace("%20", " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_page(text: &str, expected: &[&str]) {
        let found: Vec<_> = check("a.md", text, |path| path == "there.md" || path == "a b.md")
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found_with_its_line() {
        check_page(
            "one\n\nsee [x](gone.md)",
            &["a.md:3: links to gone.md, which is not there"],
        );
        check_page(
            "![x](gone.png)",
            &["a.md:1: links to gone.png, which is not there"],
        );
        check_page(
            "[x]\n\n[x]: gone.md",
            &["a.md:1: links to gone.md, which is not there"],
        );
    }

    #[test]
    fn a_link_to_a_part_of_a_page_is_a_link_to_the_page() {
        check_page(
            "[x](there.md#part) [y](there.md \"title\") [z](a%20b.md)",
            &[],
        );
        check_page(
            "[x](gone.md#part)",
            &["a.md:1: links to gone.md, which is not there"],
        );
    }

    #[test]
    fn addresses_and_code_are_not_followed() {
        check_page(
            "[x](https://example.com/gone.md) <mailto:a@b> [y](#part)",
            &[],
        );
        check_page("`[x](gone.md)`\n\n```\n[x](gone.md)\n```", &[]);
    }
}
