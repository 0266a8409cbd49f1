//! From a core module to a validated component that says which contract it was built for.

use std::path::Path;

use anyhow::{Context, Result, bail};
use wasm_encoder::{CustomSection, Encode, Section};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata, metadata};
use wit_parser::Resolve;

/// The custom section that names the version of the contract, for example `0.1`.
///
/// The host reads it before it instantiates anything.
pub const API_SECTION: &str = "headwater-extractor-api";

/// Wraps `core`, which holds the description of its world, and validates what comes out.
///
/// # Errors
/// What keeps it from being a component of its world.
pub fn from_core(core: &[u8]) -> Result<Vec<u8>> {
    let version = match custom_section(core, API_SECTION)? {
        Some(version) => version,
        None => contract_version(core)?.into_bytes(),
    };
    let bytes = ComponentEncoder::default()
        .validate(true)
        .module(core)
        .context("the module does not describe its world; does it call the sdk's export macro?")?
        .encode()
        .context("the module does not fit its world")?;
    with_api_section(bytes, &version)
}

/// Assembles the WebAssembly `text` of the file at `path`. A component is taken as written; a core module that exports what the world in
/// `contract` exports is wrapped as one of that world; anything else has to reach the host unmended, to be refused.
///
/// # Errors
/// If it is no WebAssembly text, or the module does not fit its world; the message names the file.
pub fn from_text(text: &str, path: &Path, contract: &Path) -> Result<Vec<u8>> {
    let mut bytes = wat::Parser::new()
        .parse_str(Some(path), text)
        .with_context(|| format!("cannot assemble {}", path.display()))?;
    if Parser::is_component(&bytes) || !exports_an_extractor(&bytes)? {
        return Ok(bytes);
    }
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_path(contract)
        .with_context(|| format!("cannot read the contract {}", contract.display()))?;
    let world = resolve.select_world(&[package], Some("extractor"))?;
    embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8)?;
    from_core(&bytes).with_context(|| format!("cannot wrap {}", path.display()))
}

fn exports_an_extractor(core: &[u8]) -> Result<bool> {
    for payload in Parser::new(0).parse_all(core) {
        if let Payload::ExportSection(exports) = payload? {
            for export in exports {
                if export?.name.starts_with("headwater:extractor/") {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// The version of the contract's package in the world that `core` describes, as `major.minor`.
fn contract_version(core: &[u8]) -> Result<String> {
    let (_, described) = metadata::decode(core).context("cannot read the module's world")?;
    let version = described
        .resolve
        .package_names
        .keys()
        .find(|package| package.namespace == "headwater" && package.name == "extractor")
        .and_then(|package| package.version.as_ref());
    let Some(version) = version else {
        bail!(
            "the module has no section {API_SECTION} and its world is not one of headwater:extractor"
        );
    };
    Ok(format!("{}.{}", version.major, version.minor))
}

/// Adds the section at the component's own level where it is not there yet: inside the core module that a
/// component wraps, nobody would look for it.
fn with_api_section(mut component: Vec<u8>, version: &[u8]) -> Result<Vec<u8>> {
    if custom_section(&component, API_SECTION)?.is_none() {
        let section = CustomSection {
            name: API_SECTION.into(),
            data: version.into(),
        };
        component.push(section.id());
        section.encode(&mut component);
    }
    Ok(component)
}

/// The data of the custom section `name` at the outermost level of a module or component.
fn custom_section(bytes: &[u8], name: &str) -> Result<Option<Vec<u8>>> {
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 0 && section.name() == name => {
                return Ok(Some(section.data().to_vec()));
            }
            _ => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assembled(text: &str) -> Vec<u8> {
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn the_section_is_added_once() {
        let component = assembled("(component)");
        let once = with_api_section(component, b"0.1").unwrap();
        assert_eq!(custom_section(&once, API_SECTION).unwrap().unwrap(), b"0.1");
        assert_eq!(with_api_section(once.clone(), b"0.2").unwrap(), once);
    }

    #[test]
    fn a_section_of_the_module_inside_is_not_the_components_own() {
        let component = assembled(
            r#"(component (core module (@custom "headwater-extractor-api" "0.1")) (component))"#,
        );
        assert_eq!(custom_section(&component, API_SECTION).unwrap(), None);
        let module = assembled(r#"(module (@custom "headwater-extractor-api" "0.1"))"#);
        assert_eq!(
            custom_section(&module, API_SECTION).unwrap().unwrap(),
            b"0.1"
        );
    }

    #[test]
    fn a_section_after_a_module_is_found() {
        let component =
            assembled(r#"(component (core module) (@custom "headwater-extractor-api" "0.1"))"#);
        assert_eq!(
            custom_section(&component, API_SECTION).unwrap().unwrap(),
            b"0.1"
        );
    }

    #[test]
    fn a_module_that_describes_no_world_is_refused() {
        let error = from_core(&assembled("(module)")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the module has no section headwater-extractor-api and its world is not one of headwater:extractor"
        );
    }

    #[test]
    fn a_text_reaches_the_host_as_written() {
        let nowhere = Path::new("not needed");
        for text in ["(module (import \"env\" \"f\" (func)))", "(component)"] {
            assert_eq!(from_text(text, nowhere, nowhere).unwrap(), assembled(text));
        }
    }

    #[test]
    fn a_text_that_does_not_parse_is_named() {
        let path = Path::new("guest.wat");
        let error = from_text("(modul", path, Path::new("not needed")).unwrap_err();
        assert!(error.to_string().contains("guest.wat"), "{error}");
    }
}
