//! The example mesh, loaded the way its owners would.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::service::{Service, extractor, root, run};

/// The domains that use dbt, in the order in which they submit.
pub const DBT_DOMAINS: [&str; 2] = ["orders", "finance"];

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

/// Submits the folder of artifacts of a domain's dbt project; what the command printed.
///
/// # Errors
/// If the command fails: says why.
pub fn submit(service: &Service, domain: &str, more: &[&str]) -> Result<String> {
    let component = extractor("plugins", "dbt")?.display().to_string();
    let domain_folder = folder().join(domain);
    let config = domain_folder.join("extractor.toml").display().to_string();
    let artifacts = domain_folder.join("artifacts").display().to_string();
    let words = [
        "submit",
        "--server",
        &service.url,
        "--domain",
        domain,
        "--source",
        "dbt",
        "--plugin",
        &component,
        "--config",
        &config,
        &artifacts,
    ];
    let ran = run(&[&words[..], more].concat())?;
    ensure!(ran.code == Some(0), "{domain}: {}", ran.err);
    Ok(ran.out)
}

/// Loads all three domains.
///
/// # Errors
/// If a command fails: says which and why.
pub fn load(service: &Service) -> Result<()> {
    for domain in DBT_DOMAINS {
        submit(service, domain, &[])?;
    }
    let events = folder().join("growth/events.ndjson").display().to_string();
    let sent = run(&["send", "--server", &service.url, &events])?;
    ensure!(sent.code == Some(0), "growth: {}", sent.err);
    Ok(())
}
