//! Extractors that mean harm: the error a user sees.

use anyhow::Result;
use headwater_tests::service::{extractor, root, run};

fn extract(name: &str) -> Result<(Option<i32>, String)> {
    let component = extractor("plugins-hostile", name)?;
    let manifest = root().join("examples/mesh/orders/artifacts/manifest.json");
    let ran = run(&[
        "extract".as_ref(),
        "--plugin".as_ref(),
        component.as_os_str(),
        manifest.as_os_str(),
    ])?;
    assert_eq!(ran.out, "", "nothing is kept of a call that failed");
    Ok((ran.code, ran.err))
}

#[test]
fn an_endless_loop_is_stopped() -> Result<()> {
    let (code, said) = extract("endless-loop")?;
    assert_ne!(code, Some(0));
    assert!(said.contains("it ran longer than"), "{said}");
    Ok(())
}

#[test]
fn a_memory_bomb_is_stopped() -> Result<()> {
    let (code, said) = extract("memory-bomb")?;
    assert_ne!(code, Some(0));
    assert!(said.contains("of memory; one call may use"), "{said}");
    Ok(())
}

#[test]
fn lying_ids_are_named() -> Result<()> {
    let (code, said) = extract("lying-ids")?;
    assert_ne!(code, Some(0));
    assert!(said.contains("was not sent"), "{said}");
    Ok(())
}

#[test]
fn foreign_imports_are_refused_before_anything_runs() -> Result<()> {
    let (code, said) = extract("foreign-imports")?;
    assert_ne!(code, Some(0));
    assert!(said.contains("may import nothing but"), "{said}");
    Ok(())
}
