//! What says by itself that it is not done: ignored tests, `todo!`, `unimplemented!`.

use super::Finding;
use super::tokens::Tokens;

/// Finds ignored tests and macros that stand for missing code, in tests as well.
pub(crate) fn check(file: &str, tokens: &Tokens) -> Vec<Finding> {
    let mut findings = Vec::new();
    for line in tokens.attributes("ignore") {
        findings.push(Finding::of_line(
            file,
            line,
            "a test is never ignored: assert today's wrong answer instead",
        ));
    }
    for name in ["todo", "unimplemented"] {
        for line in tokens.macro_calls(name) {
            findings.push(Finding::of_line(
                file,
                line,
                format!("`{name}!` stands for code that is missing"),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_text(text: &str, expected: &[usize]) {
        let tokens = Tokens::parse(text).unwrap();
        let found: Vec<_> = check("a.rs", &tokens)
            .iter()
            .map(|finding| finding.line)
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_ignored_test_is_found_in_every_spelling() {
        check_text("#[test]\n#[ignore]\nfn a() {}", &[2]);
        check_text("#[ignore = \"slow\"]\nfn a() {}", &[1]);
        check_text("#[cfg_attr(windows, ignore)]\nfn a() {}", &[1]);
        check_text("proptest! {\n#[ignore]\nfn a(x in 0..9) {}\n}", &[2]);
    }

    #[test]
    fn missing_code_is_found() {
        check_text("fn a() {\n    todo!()\n}", &[2]);
        check_text("fn a() { std::unimplemented![\"b\"] }", &[1]);
        check_text("vec![todo!()]", &[1]);
    }

    #[test]
    fn words_that_are_no_code_are_not_found() {
        check_text(
            "// #[ignore] todo!()\n/// `unimplemented!()`\nfn ignore() {}",
            &[],
        );
        check_text(
            "const A: &str = \"todo!()\"; #[serde(ignore)] struct B { todo: u8 }",
            &[],
        );
    }
}
