//! What can be told of a component without compiling it.

use headwater_model::Text;
use wasmparser::{Encoding, Parser, Payload};

use crate::LoadError;

/// The custom section that names the version of the contract.
pub(crate) const API_SECTION: &str = "headwater-extractor-api";
/// The versions that this host serves.
pub(crate) const API_VERSIONS: [&str; 1] = ["0.1"];
/// The interface that an extractor exports, without its version.
const PLUGIN: &str = "headwater:extractor/plugin";
/// The interfaces that an extractor may import, without their version.
const IMPORTABLE: [&str; 2] = ["headwater:extractor/host", "headwater:extractor/types"];
/// All interfaces of the contract begin so.
const PACKAGE: &str = "headwater:extractor/";
/// The most code of one function: a compiler may take the square of it, and nothing can stop one. The largest of a Python
/// component has 0.4 MiB.
const FUNCTION_BYTES_MAX: usize = 1 << 20;
/// The longest version that is read from the custom section.
const VERSION_BYTES_MAX: usize = 32;

/// What a component imports and exports, and what it was built for.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    /// The custom section, or else the version of the package that it imports or exports.
    pub(crate) api_version: Option<Text>,
    /// Why it is not compiled, in the order of the file.
    uncompilable: Option<String>,
}

impl Outline {
    /// Reads the outermost level of a component.
    ///
    /// # Errors
    /// [`LoadError::NotAComponent`] says what `bytes` is instead.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, LoadError> {
        let refuse = |message: &str| LoadError::NotAComponent {
            message: message.to_owned(),
        };
        if !bytes.starts_with(b"\0asm") {
            return Err(refuse("is not WebAssembly: it does not begin with \\0asm"));
        }
        if Parser::is_core_wasm(bytes) {
            return Err(refuse(
                "is a core module, not a component; wrap it, for example with `wasm-tools component new`",
            ));
        }
        if !Parser::is_component(bytes) {
            return Err(refuse(
                "is neither a core module nor a component of the version that this host knows",
            ));
        }
        Self::read(bytes).map_err(|error| refuse(&format!("is damaged: {error}")))
    }

    fn read(bytes: &[u8]) -> wasmparser::Result<Self> {
        let mut outline = Self::default();
        let mut section = None;
        let mut depth = 0_u32;
        let (mut modules, mut functions) = (0_u32, 0_u32);
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::Version {
                    encoding: Encoding::Module,
                    ..
                } => {
                    modules += 1;
                    functions = 0;
                }
                Payload::CodeSectionEntry(body) => {
                    let bytes = body.range().len();
                    if bytes > FUNCTION_BYTES_MAX {
                        outline.refuse_to_compile(|| format!(
                            "function {functions} of module {} has {bytes} bytes of code, more than {FUNCTION_BYTES_MAX}",
                            modules - 1
                        ));
                    }
                    functions += 1;
                }
                Payload::MemorySection(memories) if memories.count() > 1 => {
                    outline.refuse_to_compile(|| {
                        format!(
                            "module {} has {} memories, more than 1",
                            modules - 1,
                            memories.count()
                        )
                    });
                }
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(imports) if depth == 0 => {
                    for import in imports {
                        outline.imports.push(import?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(exports) if depth == 0 => {
                    for export in exports {
                        outline.exports.push(export?.name.name.to_owned());
                    }
                }
                // Languages put the section into the core module, an encoder at the outermost level; that one counts.
                Payload::CustomSection(custom)
                    if custom.name() == API_SECTION && (depth == 0 || section.is_none()) =>
                {
                    section = Some(version_text(custom.data()));
                }
                _ => {}
            }
        }
        outline.api_version = section.or_else(|| outline.package_version());
        Ok(outline)
    }

    fn refuse_to_compile(&mut self, message: impl FnOnce() -> String) {
        self.uncompilable.get_or_insert_with(message);
    }

    fn package_version(&self) -> Option<Text> {
        let name = (self.exports.iter())
            .chain(&self.imports)
            .find(|name| name.starts_with(PACKAGE))?;
        name.split_once('@').map(|(_, version)| version.into())
    }

    /// Whether the host serves such a component.
    ///
    /// # Errors
    /// Names the version, the foreign imports or the missing export, in that order: another version of the
    /// contract may import other things.
    pub(crate) fn check(&self) -> Result<Text, LoadError> {
        if let Some(version) = &self.api_version {
            let Some(served) = served(version) else {
                return Err(LoadError::ApiVersion {
                    found: version.to_string(),
                    served: API_VERSIONS.join(" and "),
                });
            };
            self.check_names()?;
            if let Some(message) = &self.uncompilable {
                let message = message.clone();
                return Err(LoadError::Compile { message });
            }
            return Ok(served.into());
        }
        self.check_names()?;
        Err(LoadError::WrongWorld {
            message: format!("it names no version of {PLUGIN}"),
        })
    }

    fn check_names(&self) -> Result<(), LoadError> {
        let foreign = |name: &&String| !IMPORTABLE.iter().any(|known| is_interface(name, known));
        let imports: Vec<String> = self.imports.iter().filter(foreign).cloned().collect();
        if !imports.is_empty() {
            return Err(LoadError::ForeignImports { imports });
        }
        if !self.exports.iter().any(|name| is_interface(name, PLUGIN)) {
            return Err(LoadError::WrongWorld {
                message: format!("it does not export {PLUGIN}@{}.0", API_VERSIONS[0]),
            });
        }
        Ok(())
    }
}

fn version_text(data: &[u8]) -> Text {
    let data = &data[..data.len().min(VERSION_BYTES_MAX)];
    String::from_utf8_lossy(data).trim().into()
}

/// The served version that `version` means: `0.1` and `0.1.3` both mean `0.1`.
fn served(version: &str) -> Option<&'static str> {
    API_VERSIONS.into_iter().find(|served| {
        version
            .strip_prefix(served)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// True if `name` is the interface `known` in a served version.
fn is_interface(name: &str, known: &str) -> bool {
    name.split_once('@')
        .is_some_and(|(interface, version)| interface == known && served(version).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let bytes = wat::parse_str(text).expect("valid text");
        let found = Outline::of(&bytes).and_then(|outline| outline.check());
        let found = found.map_or_else(|error| error.to_string(), |version| version.to_string());
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn what_is_not_a_component_is_told_so() {
        let refused = |bytes: &[u8]| Outline::of(bytes).expect_err("not one").to_string();
        assert_eq!(
            refused(b"hello"),
            "is not WebAssembly: it does not begin with \\0asm"
        );
        assert_eq!(
            refused(b"\0asm\x01\0\0\0"),
            "is a core module, not a component; wrap it, for example with `wasm-tools component new`"
        );
        let component = wat::parse_str("(component (core module))").expect("valid text");
        assert!(
            refused(&component[..component.len() - 1]).starts_with("is damaged: unexpected end")
        );
    }

    #[test]
    fn the_version_comes_from_the_section_and_else_from_the_names() {
        check(
            r#"(component (@custom "headwater-extractor-api" "0.9"))"#,
            "built for contract 0.9; this host serves 0.1",
        );
        check(
            r#"(component (import "headwater:extractor/host@2.0.0" (instance)))"#,
            "built for contract 2.0.0; this host serves 0.1",
        );
        check(
            r#"(component (core module (@custom "headwater-extractor-api" "0.2")))"#,
            "built for contract 0.2; this host serves 0.1",
        );
        check(
            r#"(component (@custom "headwater-extractor-api" "0.1")
                 (import "headwater:extractor/host@0.1.0" (instance))
                 (instance $i) (export "headwater:extractor/plugin@0.1.0" (instance $i)))"#,
            "0.1",
        );
        check(
            "(component)",
            "is not an extractor: it does not export headwater:extractor/plugin@0.1.0",
        );
    }

    #[test]
    fn every_foreign_import_is_named() {
        check(
            r#"(component
                 (import "headwater:extractor/host@0.1.0" (instance))
                 (import "wasi:io/poll@0.2.0" (instance))
                 (import "env" (func)))"#,
            "imports wasi:io/poll@0.2.0, env: \
             an extractor may import nothing but headwater:extractor/host and types",
        );
    }
}
