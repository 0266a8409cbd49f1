//! What the compiler is told.

use std::ffi::OsString;
use std::path::PathBuf;

/// The target that extractors are compiled for: no system interface at all.
pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// The stack that a guest has in its memory, beside the host's: 16 MiB; both must hold what recurses.
pub const STACK_BYTES: u32 = 16 << 20;

/// The value of `CARGO_ENCODED_RUSTFLAGS` that gives guests their stack and writes each path of `remapped` as the name
/// beside it, so that every machine writes the same bytes; of several that match, the last counts.
pub fn compiler_flags(remapped: &[(PathBuf, String)]) -> OsString {
    let mut flags = OsString::new();
    for (from, to) in remapped {
        flags.push("--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
        flags.push("\u{1f}");
    }
    // Parsers recurse; a stack of its own keeps them from running over what stands below it.
    flags.push(format!("-Clink-arg=-zstack-size={STACK_BYTES}"));
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_remapped_before_the_stack_is_given() {
        let flags = compiler_flags(&[("/home/a".into(), "/project".into())]);
        assert_eq!(
            flags,
            "--remap-path-prefix=/home/a=/project\u{1f}-Clink-arg=-zstack-size=16777216"
        );
    }
}
