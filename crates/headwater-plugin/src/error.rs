//! Why a component is not loaded.

use std::path::PathBuf;

/// Why a component is not loaded. It is not run before it has passed all of this.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// One of the others, of a file.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: Box<Self>,
    },
    /// It can't be read.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// It is larger than what the host takes.
    #[error("is {bytes} bytes long, more than {bytes_max}")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The bound it breaks.
        bytes_max: u64,
    },
    /// It is no WebAssembly component.
    #[error("{message}")]
    NotAComponent {
        /// What it is instead.
        message: String,
    },
    /// It was built for another version of the contract.
    #[error("built for contract {found}; this host serves {served}")]
    ApiVersion {
        /// The version that it names.
        found: String,
        /// The versions that this host serves.
        served: String,
    },
    /// It wants to reach more than the contract gives it.
    #[error(
        "imports {}: an extractor may import nothing but headwater:extractor/host and types",
        imports.join(", ")
    )]
    ForeignImports {
        /// What it imports beyond the contract, in the order of the file.
        imports: Vec<String>,
    },
    /// It does not offer what an extractor offers, or with other types.
    #[error("is not an extractor: {message}")]
    WrongWorld {
        /// What is missing or different.
        message: String,
    },
    /// It can't be compiled.
    #[error("cannot be compiled: {message}")]
    Compile {
        /// What the compiler said.
        message: String,
    },
    /// It could not say what it is.
    #[error("describe {message}")]
    Describe {
        /// What happened in the call.
        message: String,
    },
    /// What it says of itself breaks a rule.
    #[error("describes itself wrongly: {field} {message}")]
    Description {
        /// The field of the description.
        field: String,
        /// The rule it breaks.
        message: String,
    },
    /// Another file holds an extractor of that name.
    #[error("{} and {} both hold an extractor named {name}; only the first is loaded", first.display(), second.display())]
    NameClash {
        /// The name.
        name: String,
        /// The file that keeps the name.
        first: PathBuf,
        /// The file that is not loaded.
        second: PathBuf,
    },
}
