//! `headwater completions` and `headwater man`: what a shell and a manual know of the command line.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::failure::{Exit, Failure};
use crate::output;

/// Print a script that completes commands in a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater completions bash > ~/.local/share/bash-completion/completions/headwater
  headwater completions zsh > ~/.zfunc/_headwater
  headwater completions fish > ~/.config/fish/completions/headwater.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Write the manual's pages, one for each command
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater man ~/.local/share/man/man1
  headwater man . && man ./headwater-impact.1")]
pub(crate) struct ManArgs {
    /// The folder to write to; it is made where it is missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Runs `headwater completions`.
pub(crate) fn completions(args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut command = Cli::command();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "headwater", &mut script);
    output::print(&String::from_utf8(script)?)
}

/// Runs `headwater man`.
pub(crate) fn man(args: &ManArgs) -> anyhow::Result<()> {
    let shown = args.folder.display();
    let failed = |error| {
        Failure::new(Exit::Failed, format!("cannot write the manual to {shown}")).because(error)
    };
    std::fs::create_dir_all(&args.folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), &args.folder).map_err(failed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().expect("a folder");
        let args = ManArgs {
            folder: folder.path().join("man1"),
        };
        man(&args).expect("written");
        for page in [
            "headwater.1",
            "headwater-impact.1",
            "headwater-plugin-run.1",
        ] {
            let text = std::fs::read_to_string(args.folder.join(page)).expect(page);
            assert!(text.contains(".SH SYNOPSIS"), "{page}");
        }
    }
}
