//! How long a file and a function may be.

use super::Finding;
use super::tokens::Tokens;

/// A file of more lines than this holds more than one thing.
const FILE_LINES_MAX: usize = 800;

/// From `fn` to the closing brace; a function of more lines than this does more than one thing.
const FUNCTION_LINES_MAX: usize = 100;

/// Finds a file that is too long.
pub(crate) fn check_file(file: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    (lines > FILE_LINES_MAX).then(|| {
        Finding::of_file(
            file,
            format!("has {lines} lines; a file has at most {FILE_LINES_MAX}"),
        )
    })
}

/// Finds functions that are too long.
pub(crate) fn check_functions(file: &str, tokens: &Tokens) -> Vec<Finding> {
    let mut findings = Vec::new();
    for function in tokens.functions() {
        let lines = function.last_line + 1 - function.first_line;
        if lines > FUNCTION_LINES_MAX {
            findings.push(Finding::of_line(
                file,
                function.first_line,
                format!(
                    "function {} has {lines} lines; a function has at most {FUNCTION_LINES_MAX}",
                    function.name
                ),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with a comment, then a function of `lines` lines.
    fn function(lines: usize) -> String {
        format!(
            "// why\nfn long() {{\n{}}}\n",
            "    call();\n".repeat(lines - 2)
        )
    }

    #[track_caller]
    fn check(lines: usize, expected: Option<&str>) {
        let tokens = Tokens::parse(&function(lines)).unwrap();
        let found = check_functions("a.rs", &tokens).pop();
        assert_eq!(
            found.map(|finding| finding.to_string()).as_deref(),
            expected
        );
    }

    #[test]
    fn a_function_may_have_a_hundred_lines_and_no_more() {
        check(FUNCTION_LINES_MAX, None);
        check(
            FUNCTION_LINES_MAX + 1,
            Some("a.rs:2: function long has 101 lines; a function has at most 100"),
        );
    }

    #[test]
    fn a_file_may_have_eight_hundred_lines_and_no_more() {
        assert_eq!(check_file("a.rs", &"\n".repeat(FILE_LINES_MAX)), None);
        let found = check_file("a.rs", &"\n".repeat(FILE_LINES_MAX + 1)).unwrap();
        assert_eq!(
            found.to_string(),
            "a.rs: has 801 lines; a file has at most 800"
        );
    }
}
