//! The command line.

use std::path::Path;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::{
    aliases, backup, catalog, diff, domains, export, extract, history, impact, lineage, manual,
    paths, plugin, prune, repair, resolve, search, send, serve, shell, source, status, submit,
    unresolved, verify, watch,
};
use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::output::Format;

/// Where data comes from and who is downstream, across the domains of an organisation.
#[derive(Debug, Parser)]
#[command(name = "headwater", version, about, propagate_version = true)]
#[command(arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "\
Exit codes: 0 done; 1 failed; 2 wrong usage; 3 the input was wrong; 4 not found or ambiguous; 5 a check did not hold")]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// One variant for each command; each command's module owns its arguments and runs them.
#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::ServeArgs),
    Submit(submit::SubmitArgs),
    Send(send::SendArgs),
    Extract(extract::ExtractArgs),
    Catalog(catalog::CatalogArgs),
    Impact(impact::ImpactArgs),
    Lineage(lineage::LineageArgs),
    Paths(paths::PathsArgs),
    Search(search::SearchArgs),
    Resolve(resolve::ResolveArgs),
    Aliases(aliases::AliasesArgs),
    Domains(domains::DomainsArgs),
    Unresolved(unresolved::UnresolvedArgs),
    Assert(manual::AssertArgs),
    Retract(manual::RetractArgs),
    Diff(diff::DiffArgs),
    History(history::HistoryArgs),
    Status(status::StatusArgs),
    Watch(watch::WatchArgs),
    Plugin(plugin::PluginArgs),
    Source(source::SourceArgs),
    Backup(backup::BackupArgs),
    Restore(backup::RestoreArgs),
    Verify(verify::VerifyArgs),
    Repair(repair::RepairArgs),
    Prune(prune::PruneArgs),
    Erase(prune::EraseArgs),
    Export(export::ExportArgs),
    Import(export::ImportArgs),
    Completions(shell::CompletionsArgs),
    Man(shell::ManArgs),
}

impl Cli {
    /// Runs the command that was asked for.
    ///
    /// # Errors
    /// Whatever stopped it; [`crate::failure::exit_of`] tells the exit code.
    pub(crate) fn run(self, environment: &Environment) -> anyhow::Result<()> {
        match self.command {
            Command::Serve(args) => serve::run(&args),
            Command::Submit(args) => submit::run(&args, environment),
            Command::Send(args) => send::run(&args),
            Command::Extract(args) => extract::run(&args, environment),
            Command::Catalog(args) => catalog::run(&args, environment),
            Command::Impact(args) => impact::run(&args),
            Command::Lineage(args) => lineage::run(&args),
            Command::Paths(args) => paths::run(&args),
            Command::Search(args) => search::run(&args),
            Command::Resolve(args) => resolve::run(&args),
            Command::Aliases(args) => aliases::run(&args),
            Command::Domains(args) => domains::run(&args),
            Command::Unresolved(args) => unresolved::run(&args),
            Command::Assert(args) => manual::run_assert(&args),
            Command::Retract(args) => manual::run_retract(&args),
            Command::Diff(args) => diff::run(&args),
            Command::History(args) => history::run(&args),
            Command::Status(args) => status::run(&args),
            Command::Watch(args) => watch::run(&args),
            Command::Plugin(args) => plugin::run(&args, environment),
            Command::Source(args) => source::run(&args, environment),
            Command::Backup(args) => backup::run_backup(&args, environment),
            Command::Restore(args) => backup::run_restore(&args),
            Command::Verify(args) => verify::run(&args),
            Command::Repair(args) => repair::run(&args),
            Command::Prune(args) => prune::run_prune(&args, environment),
            Command::Erase(args) => prune::run_erase(&args),
            Command::Export(args) => export::run_export(&args),
            Command::Import(args) => export::run_import(&args),
            Command::Completions(args) => shell::completions(&args),
            Command::Man(args) => shell::man(&args),
        }
    }
}

/// Which service to talk to.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// As stated by a flag or the environment
    #[arg(
        long = "server",
        value_name = "URL",
        env = "HEADWATER_SERVER",
        help = "Address of the service [default: http://127.0.0.1:8080]"
    )]
    stated: Option<String>,
}

impl ServerArgs {
    /// Where a service listens that was told nothing.
    const DEFAULT: &str = "http://127.0.0.1:8080";

    /// The address: as stated, else the default.
    pub(crate) fn url(&self) -> &str {
        self.url_or(None)
    }

    /// Checks that no flag names a service beside a data folder, which takes the place of the service that the environment
    /// names.
    ///
    /// # Errors
    /// A [`Failure`] if one does.
    pub(crate) fn check_beside(
        &self,
        data: Option<&Path>,
        environment: &Environment,
    ) -> Result<(), Failure> {
        if data.is_none() || self.stated.is_none() || self.stated == environment.server {
            return Ok(());
        }
        let message = "--data names the folder of a stopped service, and --server a running one";
        Err(Failure::new(Exit::Usage, message).hint("leave out one of the two"))
    }

    /// The address: as stated, else as a file has it, else the default.
    pub(crate) fn url_or<'a>(&'a self, of_file: Option<&'a str>) -> &'a str {
        self.stated.as_deref().or(of_file).unwrap_or(Self::DEFAULT)
    }
}

/// What all asking commands take; `F` are the ways in which the answer can be printed.
#[derive(Debug, Args)]
pub(crate) struct AskArgs<F: ValueEnum + Clone + Send + Sync + 'static = Format> {
    #[command(flatten)]
    pub(crate) server: ServerArgs,

    /// How to print the answer
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: F,
}

/// What commands take whose answer may be incomplete.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct CompleteArgs {
    /// Exit with 5 if the answer is not complete
    #[arg(long)]
    pub(crate) require_complete: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn code_of(arguments: &[&str]) -> i32 {
        let line = ["headwater"].iter().chain(arguments);
        Cli::try_parse_from(line).map_or_else(|error| error.exit_code(), |_| 0)
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn check(command: &clap::Command) {
            let leaves: Vec<_> = command.get_subcommands().collect();
            if leaves.is_empty() {
                let help = command.get_after_help().map(ToString::to_string);
                assert!(
                    help.is_some_and(|help| help.contains("headwater ")),
                    "{} shows no example",
                    command.get_name()
                );
            }
            leaves.into_iter().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn wrong_usage_exits_with_2() {
        assert_eq!(code_of(&["impact", "orders", "--direction", "sideways"]), 2);
        assert_eq!(code_of(&["impact"]), 2, "a reference is missing");
        assert_eq!(code_of(&["send"]), 2, "a file is missing");
        assert_eq!(
            code_of(&[
                "submit", "--domain", "a/b", "--source", "s", "--plugin", "dbt", "f"
            ]),
            2,
            "no domain has a slash"
        );
        assert_eq!(
            code_of(&["submit", "--domain", "a", "--source", "s", "f"]),
            2,
            "files without a plugin"
        );
        assert_eq!(
            code_of(&["submit", "--domain", "a"]),
            2,
            "a source is missing"
        );
        assert_eq!(
            code_of(&["submit", "--project", "p", "--domain", "a", "--source", "s"]),
            2,
            "a project has its own"
        );
        assert_eq!(
            code_of(&["search", "x", "--format", "dot"]),
            2,
            "a list is no graph"
        );
        assert_eq!(
            code_of(&[
                "submit", "--domain", "a", "--source", "s", "--facts", "-", "--plugin", "dbt", "f"
            ]),
            2,
            "both plugin and facts"
        );
        assert_eq!(
            code_of(&["extract", "--plugin", "dbt", "--set", "novalue", "f"]),
            2
        );
    }

    #[test]
    fn lines_of_the_documentation_parse() {
        for line in [
            "submit --server http://h:1 --domain orders --source dbt-prod --plugin dbt --config c.toml --set a.b=c=d --dry-run target",
            "submit --domain orders --source dbt-prod --facts -",
            "send --source orders/airflow events.ndjson more.ndjson",
            "send -",
            "extract --plugin target/plugins/dbt.wasm --set k=v manifest.json",
            "catalog --plugin sql --server http://h:1 --as-of @7 --output c.json a.sql",
            "extract --plugin sql --catalog c.json a.sql",
            "submit --domain d --source s --plugin sql --catalog none a.sql",
            "submit --catalog server",
            "impact orders.orders --direction upstream --depth 3 --require-complete --format json",
            "lineage orders.orders --direction both --limit 10",
            "search orders",
            "resolve orders.orders",
            "domains --format json",
            "domains --as-of @12",
            "impact orders --as-of -1d",
            "diff --from -1d --to now --domain orders --format csv",
            "history orders.orders --format json",
            "submit",
            "submit --dry-run --server http://h:1 --plugins target/plugins",
            "submit --project orders/headwater.toml",
            "impact orders#status --field-level --format csv",
            "lineage orders --format mermaid",
            "paths a b --first 3 --field-level --format dot",
            "status --require-fresh --domain orders --format csv",
            "plugin run dbt target/manifest.json --first 3 --set a=b",
            "unresolved --domain orders --format json",
            "assert edge a b --via job:x/y --domain d --author ana --reason why --dry-run",
            "assert alias a b --domain d --reason why --format json",
            "assert owner a b --type t --domain d --reason why",
            "assert tag a#f b=c --domain d --source hand --reason why",
            "retract description a b --domain d --reason why",
            "completions zsh",
            "verify --data d --format json",
            "backup --server http://h:1 --force b",
            "backup --data d b",
            "restore b --data d",
            "prune --older-than 90d",
            "prune --older-than 2026-01-01 --data d --archive a",
            "erase --data d --source a/b",
            "erase --data d --event 7",
            "repair --data d --accept-loss",
            "export --data d",
            "import --data d -",
            "man target/man",
            "plugin list --plugins target/plugins",
            "plugin inspect target/plugins/dbt.wasm",
        ] {
            assert_eq!(code_of(&line.split(' ').collect::<Vec<_>>()), 0, "{line}");
        }
    }
}
