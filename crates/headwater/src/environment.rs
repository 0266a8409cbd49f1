//! What the process found around it. Everything else gets it handed in.

use std::env;
use std::path::PathBuf;

/// What the process found around it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// The folder of extractors that `HEADWATER_PLUGINS` names.
    pub(crate) plugins: Option<PathBuf>,
    /// The service that `HEADWATER_SERVER` names.
    pub(crate) server: Option<String>,
    /// The folder that the binary lies in.
    pub(crate) beside_binary: Option<PathBuf>,
    /// Where the user's programs keep what they can compute again.
    pub(crate) cache: Option<PathBuf>,
    /// The folder that relative paths start from.
    pub(crate) current: Option<PathBuf>,
}

impl Environment {
    /// Looks around.
    pub(crate) fn of_process() -> Self {
        let path = |name: &str| env::var_os(name).filter(|text| !text.is_empty());
        Self {
            plugins: path("HEADWATER_PLUGINS").map(PathBuf::from),
            server: env::var("HEADWATER_SERVER").ok(),
            beside_binary: env::current_exe()
                .ok()
                .and_then(|exe| Some(exe.parent()?.to_owned())),
            cache: path("XDG_CACHE_HOME")
                .map(PathBuf::from)
                .or_else(|| Some(PathBuf::from(path("HOME")?).join(".cache"))),
            current: env::current_dir().ok(),
        }
    }
}
