//! From the trait to the component.

use std::marker::PhantomData;
use std::panic;
use std::sync::Once;

use crate::bindings::exports::headwater::extractor::plugin::Guest;
use crate::bindings::headwater::extractor::host;
use crate::input::while_reading;
use crate::sink::HostSink;
use crate::{Description, Emitter, ExtractError, Extraction, Input, Severity};

/// Reads artifacts and states facts.
pub trait Extractor {
    /// What this extractor is called, which files it reads, how it is configured.
    fn describe() -> Description;

    /// States what `inputs` say. `config` is JSON that satisfies the schema in
    /// [`Description::config_schema`].
    ///
    /// What is damaged but does not make the rest worthless is a diagnostic, not an error:
    /// after an error nothing that was stated is kept.
    ///
    /// # Errors
    /// [`ExtractError`] when nothing can be said about the inputs.
    fn extract(
        config: &str,
        inputs: Vec<Input>,
        out: &mut Emitter,
    ) -> Result<Extraction, ExtractError>;
}

/// An extractor as the contract's `plugin` interface; made by [`export!`](crate::export).
#[derive(Debug)]
pub struct Component<E>(PhantomData<E>);

impl<E: Extractor> Guest for Component<E> {
    fn describe() -> Description {
        log_panics();
        E::describe()
    }

    fn extract(
        config: String,
        inputs: Vec<host::Artifact>,
        output: &host::Sink,
    ) -> Result<Extraction, ExtractError> {
        log_panics();
        let inputs = inputs
            .into_iter()
            .map(|artifact| Input::new(Box::new(artifact)))
            .collect();
        let mut sink = HostSink(output);
        let mut out = Emitter::new(&mut sink);
        let extraction = E::extract(&config, inputs, &mut out)?;
        out.finish()?;
        Ok(extraction)
    }
}

/// Logs a panic's message and place, and what was being read, before the trap, which carries none of them.
fn log_panics() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        panic::set_hook(Box::new(|info| {
            host::log(Severity::Error, &format!("{info}{}", while_reading()));
        }));
    });
}

/// Makes the crate's component out of an [`Extractor`]; once per crate, in its root.
#[macro_export]
macro_rules! export {
    ($extractor:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type ExportedComponent = $crate::Component<$extractor>;
    $crate::bindings::export_component!(ExportedComponent with_types_in $crate::bindings);
        };
    };
}
