//! The binary starts at all. That this test exists also has cargo build the binary for the tests of the product.

use std::process::Command;

#[test]
fn the_binary_tells_its_version() {
    let output = Command::new(env!("CARGO_BIN_EXE_headwater"))
        .arg("--version")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        said.trim(),
        concat!("headwater ", env!("CARGO_PKG_VERSION"))
    );
}
