//! Every crate takes its lints from its workspace.

use super::Finding;
use super::manifest::Manifest;

/// Finds crates without `[lints] workspace = true`.
pub(crate) fn check(manifests: &[Manifest]) -> Vec<Finding> {
    manifests
        .iter()
        .filter(|manifest| !manifest.has_workspace_lints)
        .map(|manifest| Finding::of_file(&manifest.file, "has no `[lints] workspace = true`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_lints(lints: &str, is_found: bool) {
        let text = format!("[package]\nname = \"p\"\n{lints}");
        let manifest = Manifest::parse("crates/p/Cargo.toml", &text, &toml::Table::new())
            .unwrap()
            .unwrap();
        assert_eq!(!check(&[manifest]).is_empty(), is_found);
    }

    #[test]
    fn a_crate_without_the_workspaces_lints_is_found() {
        check_lints("[lints]\nworkspace = true", false);
        check_lints("", true);
        check_lints("[lints]\nworkspace = false", true);
        check_lints("[lints.rust]\nunsafe_code = \"allow\"", true);
    }
}
