//! The example mesh, loaded the way its owners would.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::service::{Service, extractor, root, run};

/// A source that submits what an extractor makes of its artifacts.
#[derive(Clone, Copy, Debug)]
pub struct Submitter {
    /// Its domain, and the folder of it.
    pub domain: &'static str,
    /// Its name.
    pub source: &'static str,
    /// The extractor.
    pub plugin: &'static str,
    /// The extractor's configuration, in the folder.
    pub config: &'static str,
    /// What it reads, in the folder.
    pub artifacts: &'static str,
}

/// Those that come before growth's events, in the order of the data.
pub const SUBMITTERS: [Submitter; 4] = [
    Submitter {
        domain: "shop",
        source: "contracts",
        plugin: "odcs",
        config: "contracts.toml",
        artifacts: "contracts",
    },
    Submitter {
        domain: "shop",
        source: "connect",
        plugin: "kafka-connect",
        config: "connect.toml",
        artifacts: "connect",
    },
    Submitter {
        domain: "orders",
        source: "dbt",
        plugin: "dbt",
        config: "extractor.toml",
        artifacts: "artifacts",
    },
    Submitter {
        domain: "finance",
        source: "dbt",
        plugin: "dbt",
        config: "extractor.toml",
        artifacts: "artifacts",
    },
];

/// The one that comes after them.
pub const BOARD: Submitter = Submitter {
    domain: "board",
    source: "superset",
    plugin: "superset",
    config: "extractor.toml",
    artifacts: "artifacts",
};

/// The folder of the example mesh.
pub fn folder() -> PathBuf {
    root().join("examples/mesh")
}

/// Starts a service over `data` that knows the mesh's domains.
///
/// # Errors
/// If it doesn't listen.
pub fn start(data: &Path) -> Result<Service> {
    let mesh = folder().join("mesh.toml").display().to_string();
    Service::start(data, &["--mesh", &mesh])
}

/// Submits what a source has; what the command printed.
///
/// # Errors
/// If the command fails: says why.
pub fn submit(service: &Service, submitter: Submitter, more: &[&str]) -> Result<String> {
    let component = extractor("plugins", submitter.plugin)?
        .display()
        .to_string();
    let of_domain = folder().join(submitter.domain);
    let config = of_domain.join(submitter.config).display().to_string();
    let artifacts = of_domain.join(submitter.artifacts).display().to_string();
    let words = [
        "submit",
        "--server",
        &service.url,
        "--domain",
        submitter.domain,
        "--source",
        submitter.source,
        "--plugin",
        &component,
        "--config",
        &config,
        &artifacts,
    ];
    let ran = run(&[&words[..], more].concat())?;
    ensure!(ran.code == Some(0), "{submitter:?}: {}", ran.err);
    Ok(ran.out)
}

/// Loads all five domains.
///
/// # Errors
/// If a command fails: says which and why.
pub fn load(service: &Service) -> Result<()> {
    for submitter in SUBMITTERS {
        submit(service, submitter, &[])?;
    }
    let events = folder().join("growth/events.ndjson").display().to_string();
    let sent = run(&["send", "--server", &service.url, &events])?;
    ensure!(sent.code == Some(0), "growth: {}", sent.err);
    submit(service, BOARD, &[])?;
    Ok(())
}
