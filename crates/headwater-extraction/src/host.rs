//! Where extractors run: this crate knows no sandbox.

use std::sync::Arc;

use headwater_model::{
    Artifact, ExtractError, Extraction, Extractor, ExtractorConfig, ExtractorLimits, ExtractorUsage,
};

/// Loads components.
pub trait ExtractorHost: Send + Sync {
    /// Loads a component of which nothing is known but its bytes.
    ///
    /// # Errors
    /// Why it is refused, in words.
    fn load(&self, component: &[u8]) -> Result<Arc<dyn LoadedExtractor>, String>;

    /// What one call may use unless it is configured otherwise.
    fn default_limits(&self) -> ExtractorLimits;
}

/// An extractor that can be called.
pub trait LoadedExtractor: Extractor {
    /// Whether a configuration is one that it takes.
    ///
    /// # Errors
    /// The key and the rule that it breaks.
    fn check_config(&self, config: &ExtractorConfig) -> Result<(), String>;

    /// As [`Extractor::extract`] within other limits, and what the call used.
    ///
    /// # Errors
    /// As [`Extractor::extract`].
    fn extract_within(
        &self,
        limits: &ExtractorLimits,
        config: &ExtractorConfig,
        artifacts: &[Artifact],
    ) -> Result<(Extraction, ExtractorUsage), ExtractError>;
}
