//! Guests that misbehave, from the short texts in `plugins/hostile`.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// The text that surrounds what a guest has of its own, beside it in its folder.
const PRELUDE: &str = "prelude.txt";
/// What begins the line that says when a part of the prelude is taken.
const PART: &str = ";;: ";
/// The bytes that a summary may have, so that nothing is in the way of what follows it.
const SUMMARY_BYTES_MAX: usize = 280;

/// The whole WebAssembly text of the guest in the file at `path`.
///
/// A text that is a module or a component is taken as written. Any other is what one guest has of its own, and is put
/// into the prelude beside it, which imports and exports what the contract has; `memory`, `$realloc` and `$describe` are
/// the prelude's where the text has none. The guest is called as its file, and its first line is its summary.
///
/// # Errors
/// If the file or its prelude can't be read.
pub fn guest_text(path: &Path) -> io::Result<String> {
    let text = fs::read_to_string(path)?;
    let mut code = (text.lines()).filter(|line| !line.trim_start().starts_with(";;"));
    let is_whole = code.clone().any(|line| line.starts_with("(component"))
        || code.any(|line| line.starts_with("(module"));
    if is_whole {
        return Ok(text);
    }
    let prelude = fs::read_to_string(path.with_file_name(PRELUDE))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Ok(within(&prelude, &name, &text))
}

fn within(prelude: &str, name: &str, text: &str) -> String {
    let mut whole = String::new();
    let mut is_taken = true;
    for line in prelude.lines() {
        if let Some(when) = line.strip_prefix(PART) {
            is_taken = match when.strip_prefix("unless ") {
                Some(own) => !text.contains(own.trim_matches('"')),
                None => true,
            };
        } else if is_taken {
            whole += line;
            whole.push('\n');
        }
    }
    let summary = text.lines().next().unwrap_or_default();
    let summary = summary.trim_start_matches([';', ' ']);
    let summary = &summary[..summary.floor_char_boundary(SUMMARY_BYTES_MAX)];
    (whole.replace("{description}", &description(name, summary))).replace("{guest}", text)
}

/// Data segments below 512: the texts, the `description` at 400, and its one input pattern at 448.
fn description(name: &str, summary: &str) -> String {
    let texts = [
        (16, name),
        (80, "0.1.0"),
        (88, "**/*.txt"),
        (96, "text/plain"),
        (112, summary),
    ];
    let [name, version, glob, media_type, summary] = texts.map(|(at, text)| [at, text.len()]);
    let (inputs, none) = ([448, 1], [0, 0]);
    let records = [
        (400, [name, version, summary, inputs, none].concat()),
        // The last word is a truth: the files are required.
        (448, [&glob[..], &media_type, &[1]].concat()),
    ];
    let mut data = String::new();
    for (at, text) in texts {
        segment(&mut data, at, text.as_bytes());
    }
    for (at, words) in records {
        let words = words.iter().flat_map(|word| (*word as u32).to_le_bytes());
        segment(&mut data, at, &words.collect::<Vec<u8>>());
    }
    data
}

fn segment(data: &mut String, at: usize, bytes: &[u8]) {
    // Writing to a string does not fail.
    let _ = write!(data, "  (data (i32.const {at}) \"");
    for byte in bytes {
        let _ = write!(data, "\\{byte:02x}");
    }
    data.push_str("\")\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRELUDE_TEXT: &str = "\
;;: always
(module
{description}
;;: unless \"(memory \"
  (memory 2)
;;: always
{guest})
";

    #[test]
    fn a_guest_has_of_the_prelude_what_it_lacks() {
        let own = within(PRELUDE_TEXT, "loops", ";; Loops.\n(memory.grow)");
        assert!(own.starts_with("(module\n  (data (i32.const 16) \"\\6c\\6f\\6f\\70\\73\")"));
        assert!(
            own.contains("  (memory 2)\n;; Loops.\n(memory.grow))"),
            "{own}"
        );
        let own = within(PRELUDE_TEXT, "loops", ";; Loops.\n(memory 9)");
        assert!(!own.contains("(memory 2)"), "{own}");
    }
}
