//! `cargo xtask bench`: the benchmark drivers, by name.

use anyhow::{Result, bail};

use crate::cargo;
use crate::places::Places;
use crate::step::step;

/// What `bench` is asked for.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Which drivers to run; all of them if none is named.
    names: Vec<String>,
    /// List the drivers and run none.
    #[arg(long)]
    list: bool,
}

/// One benchmark: what it measures, and the arguments of the cargo call that runs it.
#[derive(Debug)]
struct Driver {
    name: &'static str,
    measures: &'static str,
    cargo: &'static [&'static str],
}

const TESTS_BENCH: [&str; 7] = [
    "run",
    "--release",
    "--package",
    "headwater-tests",
    "--bin",
    "bench",
    "--",
];

const DRIVERS: [Driver; 10] = [
    Driver {
        name: "graph",
        measures: "build, closure, impact and paths on generated graphs",
        cargo: &[
            "run",
            "--release",
            "--package",
            "headwater-graph",
            "--example",
            "graph_bench",
        ],
    },
    Driver {
        name: "publish",
        measures: "readers beside a writer of 10,000 events a second",
        cargo: &[
            "run",
            "--release",
            "--package",
            "headwater-graph",
            "--example",
            "publish_bench",
        ],
    },
    Driver {
        name: "search",
        measures: "indexing, queries and changes of a million names",
        cargo: &[
            "run",
            "--release",
            "--package",
            "headwater-search",
            "--example",
            "search_bench",
        ],
    },
    Driver {
        name: "store",
        measures: "appends with fdatasync, reads, state batches",
        cargo: &[
            "run",
            "--release",
            "--package",
            "headwater-store",
            "--example",
            "store_bench",
        ],
    },
    Driver {
        name: "past",
        measures: "questions about the past, against the same ones about now",
        cargo: &[
            "run",
            "--release",
            "--package",
            "headwater-engine",
            "--example",
            "past_bench",
        ],
    },
    of_tests("events", "OpenLineage events a second, until visible"),
    of_tests("impact", "impact queries over GraphQL"),
    of_tests("manifest", "a large dbt manifest, from file to answer"),
    of_tests(
        "plugins",
        "extractors in their sandbox, against native code, beside hostile ones",
    ),
    of_tests("start", "start of a server with a log to replay"),
];

/// A driver in the product's own test package; its name is the argument.
const fn of_tests(name: &'static str, measures: &'static str) -> Driver {
    Driver {
        name,
        measures,
        cargo: &TESTS_BENCH,
    }
}

/// Runs the drivers that `args` names, in the order of the list.
pub(crate) fn run(places: &Places, args: &Args) -> Result<()> {
    let drivers = chosen(&args.names)?;
    if args.list {
        for driver in drivers {
            println!("{:9} {}", driver.name, driver.measures);
        }
        return Ok(());
    }
    for driver in drivers {
        let mut command = cargo::cargo(places);
        command.args(driver.cargo);
        if driver.cargo == TESTS_BENCH {
            command.arg(driver.name);
        }
        step(
            &format!(
                "{}: {} (`{}`)",
                driver.name,
                driver.measures,
                cargo::shown(&command)
            ),
            || cargo::check(&mut command),
        )?;
    }
    Ok(())
}

fn chosen(names: &[String]) -> Result<Vec<&'static Driver>> {
    for name in names {
        if !DRIVERS.iter().any(|driver| driver.name == name) {
            let known: Vec<_> = DRIVERS.iter().map(|driver| driver.name).collect();
            bail!(
                "no benchmark is named {name}; there are {}",
                known.join(", ")
            );
        }
    }
    Ok(DRIVERS
        .iter()
        .filter(|driver| names.is_empty() || names.iter().any(|name| name == driver.name))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], expected: &str) {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let shown = match chosen(&names) {
            Ok(drivers) => drivers
                .iter()
                .map(|driver| driver.name)
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn without_a_name_every_driver_runs() {
        check(
            &[],
            "graph publish search store past events impact manifest plugins start",
        );
    }

    #[test]
    fn named_drivers_run_once_each_in_the_order_of_the_list() {
        check(&["store", "graph", "store"], "graph store");
    }

    #[test]
    fn a_name_that_is_no_driver_is_refused_with_the_names_that_are() {
        check(
            &["graphs"],
            "no benchmark is named graphs; there are graph, publish, search, store, past, events, impact, manifest, plugins, start",
        );
    }
}
