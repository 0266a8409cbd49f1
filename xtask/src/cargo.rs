//! Calls of cargo and of other tools.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::places::Places;

/// What cargo sets for the task that it runs and that must not reach a cargo the task runs: build
/// scripts that watch these variables would run again each time.
const OF_THIS_TASK: [&str; 8] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_MANIFEST_LINKS",
    "CARGO_RUSTC_CURRENT_DIR",
    "OUT_DIR",
];

/// A cargo call in the project's root, building into the one target directory.
pub(crate) fn cargo(places: &Places) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for name in OF_THIS_TASK {
        command.env_remove(name);
    }
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|text| text.starts_with("CARGO_PKG_"))
        {
            command.env_remove(name);
        }
    }
    command
        .current_dir(places.root())
        .env("CARGO_TARGET_DIR", places.target());
    command
}

/// A cargo call in the plugins workspace, building into a target directory of its own.
pub(crate) fn cargo_in_plugins(places: &Places) -> Command {
    let mut command = cargo(places);
    command
        .current_dir(places.plugins_source())
        .env("CARGO_TARGET_DIR", places.plugins_build());
    command
}

/// Whether `cargo <name>` can be called.
pub(crate) fn has_subcommand(places: &Places, name: &str) -> bool {
    cargo(places)
        .args([name, "--version"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command as one would type it, for messages.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program());
    let mut text = program.to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        let argument = argument.to_string_lossy();
        if argument.contains(char::is_whitespace) || argument.is_empty() {
            text.push('\'');
            text.push_str(&argument);
            text.push('\'');
        } else {
            text.push_str(&argument);
        }
    }
    text
}

/// Runs `command` with its output on this terminal.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs `command` and returns what it wrote to stdout; its stderr stays on this terminal.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !output.status.success() {
        bail!("`{}` failed ({})", shown(command), output.status);
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` wrote bytes that are not UTF-8", shown(command)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("/usr/bin/cargo");
        command.args(["run", "--", "two words", ""]);
        assert_eq!(shown(&command), "cargo run -- 'two words' ''");
    }

    #[test]
    fn a_command_that_fails_is_named() {
        let error = check(Command::new("false").arg("now")).unwrap_err();
        assert!(
            error.to_string().starts_with("`false now` failed"),
            "{error}"
        );
        assert!(read(&mut Command::new("false")).is_err());
    }

    #[test]
    fn a_command_that_is_not_there_is_named() {
        let error = check(&mut Command::new("no-such-tool")).unwrap_err();
        assert_eq!(error.to_string(), "cannot start `no-such-tool`");
    }

    #[test]
    fn what_a_command_prints_is_returned() {
        assert_eq!(read(Command::new("echo").arg("a")).unwrap(), "a\n");
    }
}
