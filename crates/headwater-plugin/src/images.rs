//! What an extractor's memory holds when an instance of it begins.

use std::error::Error;
use std::time::Duration;
use std::{io, iter, thread};

use wasmtime::component::Component;

/// How long to wait before each further attempt at an image that the system is busy with.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(10),
    Duration::from_millis(40),
    Duration::from_millis(160),
    Duration::from_millis(320),
    Duration::from_millis(640),
    Duration::from_millis(1280),
];

/// Makes the memory images that instances of the component start from, once for all of them.
///
/// Linux refuses to seal a memory file with `EBUSY` while it moves one of the file's pages (`F_SEAL_WRITE`, fcntl(2)),
/// which passes. Made at the first instance, the image would fail a call that has nothing wrong with it.
///
/// # Errors
/// What the system said, once it was busy for about 2.5 s, or anything else that it said.
pub(crate) fn make(component: &Component) -> wasmtime::Result<()> {
    while_busy(&PAUSES, || component.initialize_copy_on_write_image())
}

fn while_busy(
    pauses: &[Duration],
    mut attempt: impl FnMut() -> wasmtime::Result<()>,
) -> wasmtime::Result<()> {
    for pause in pauses {
        match attempt() {
            Err(error) if is_busy(error.as_ref()) => thread::sleep(*pause),
            done => return done,
        }
    }
    attempt()
}

fn is_busy(error: &(dyn Error + 'static)) -> bool {
    let mut causes = iter::successors(Some(error), |cause| (*cause).source());
    causes.any(|cause| {
        (cause.downcast_ref::<io::Error>())
            .is_some_and(|error| error.kind() == io::ErrorKind::ResourceBusy)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error of the system with the cause that matters below another, as the image's comes.
    fn system_error(kind: io::ErrorKind) -> wasmtime::Error {
        wasmtime::Error::from(io::Error::from(kind)).context("cannot add seals to the memfd")
    }

    fn attempts(errors: &[io::ErrorKind]) -> (bool, usize) {
        let mut made = 0;
        let done = while_busy(&[Duration::ZERO; 3], || {
            made += 1;
            errors
                .get(made - 1)
                .map_or(Ok(()), |kind| Err(system_error(*kind)))
        });
        (done.is_ok(), made)
    }

    #[test]
    fn an_image_is_tried_again_only_while_the_system_is_busy() {
        use io::ErrorKind::{OutOfMemory, ResourceBusy};
        for (errors, expected) in [
            (vec![], (true, 1)),
            (vec![ResourceBusy; 3], (true, 4)),
            (vec![ResourceBusy; 4], (false, 4)),
            (vec![ResourceBusy, OutOfMemory], (false, 2)),
            (vec![OutOfMemory], (false, 1)),
        ] {
            assert_eq!(attempts(&errors), expected, "{errors:?}");
        }
    }
}
