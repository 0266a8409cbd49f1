//! A state that answers from an excerpt while it is being opened.

use std::ops::Bound;
use std::slice;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use crate::state::scan_bounds;
use crate::{Excerpt, Offset, Scan, State, StateBatch, StateError, StoredBytes};

/// A state that is being opened on a thread of its own: what its excerpt holds is answered at once, everything else waits
/// until the state is open.
///
/// If it can't be opened, or is not at the excerpt's offset, whoever asks for more is told so: it has to be opened anew,
/// without the excerpt.
pub struct OpeningState<S> {
    excerpt: Option<Excerpt>,
    opened: Arc<OnceLock<Result<S, String>>>,
    thread: Option<JoinHandle<()>>,
}

impl<S: State + 'static> OpeningState<S> {
    /// A state that is open.
    pub fn opened(state: S) -> Self {
        Self {
            excerpt: None,
            opened: Arc::new(OnceLock::from(Ok(state))),
            thread: None,
        }
    }

    /// Begins to open a state of which `excerpt` is known.
    pub fn begin(
        excerpt: Excerpt,
        open: impl FnOnce() -> Result<S, StateError> + Send + 'static,
    ) -> Self {
        let opened = Arc::new(OnceLock::new());
        let applied = excerpt.applied();
        let of_thread = Arc::clone(&opened);
        let run = move || {
            let state = open().map_err(|error| error.to_string());
            // Nobody else sets it.
            let _ = of_thread.set(state.and_then(|state| at_offset(state, applied)));
        };
        let thread = std::thread::Builder::new().name("headwater-state".into());
        let thread = match thread.spawn(run) {
            Ok(thread) => Some(thread),
            Err(error) => {
                let _ = opened.set(Err(format!("no thread opens the state: {error}")));
                None
            }
        };
        Self {
            excerpt: Some(excerpt),
            opened,
            thread,
        }
    }

    /// The state, once it is open.
    ///
    /// # Errors
    /// [`StateError::Corrupt`] says why it could not be opened.
    pub fn wait(&self) -> Result<&S, StateError> {
        let opened = self.opened.wait().as_ref();
        opened.map_err(|reason| StateError::Corrupt(reason.clone()))
    }

    /// True as long as it is neither open nor known to be refused.
    pub fn is_opening(&self) -> bool {
        self.opened.get().is_none()
    }

    /// Why it could not be opened, if that is known already.
    pub fn refusal(&self) -> Option<&str> {
        let refused = self.opened.get()?.as_ref().err();
        refused.map(String::as_str)
    }

    /// The state, once it is open.
    ///
    /// # Errors
    /// As [`OpeningState::wait`].
    pub fn into_inner(self) -> Result<S, StateError> {
        if self.thread.is_some_and(|thread| thread.join().is_err()) {
            return Err(StateError::Corrupt("opening it panicked".to_owned()));
        }
        let opened = Arc::into_inner(self.opened).and_then(OnceLock::into_inner);
        let opened = opened.unwrap_or_else(|| Err("it was not opened".to_owned()));
        opened.map_err(StateError::Corrupt)
    }

    /// The excerpt, as long as nothing else answers.
    fn early(&self) -> Option<&Excerpt> {
        self.excerpt
            .as_ref()
            .filter(|_| self.opened.get().is_none())
    }
}

fn at_offset<S: State>(state: S, expected: Offset) -> Result<S, String> {
    match state.applied_offset() {
        Ok(applied) if applied == expected => Ok(state),
        Ok(applied) => Err(format!(
            "it is at offset {applied}, its excerpt at {expected}"
        )),
        Err(error) => Err(error.to_string()),
    }
}

impl<S: State + 'static> State for OpeningState<S> {
    fn get(&self, key: &[u8]) -> Result<Option<StoredBytes>, StateError> {
        let part = self
            .early()
            .and_then(|excerpt| excerpt.part(Bound::Included(key)));
        let Some(part) = part else {
            return self.wait()?.get(key);
        };
        let found = part.pairs.binary_search_by(|(held, _)| (**held).cmp(key));
        Ok(found.ok().map(|at| part.pairs[at].1.clone()))
    }

    fn scan_range<'a>(&'a self, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Scan<'a> {
        let Some((from, to)) = scan_bounds(from, to) else {
            return Box::new(std::iter::empty());
        };
        let Some(part) = self.early().and_then(|excerpt| excerpt.part(from)) else {
            return rest(self, from, to);
        };
        let begin = part.pairs.partition_point(|(key, _)| match from {
            Bound::Included(from) => **key < *from,
            Bound::Excluded(from) => **key <= *from,
            Bound::Unbounded => false,
        });
        let end = part.pairs.partition_point(|(key, _)| match to {
            Bound::Included(to) => **key <= *to,
            Bound::Excluded(to) => **key < *to,
            Bound::Unbounded => true,
        });
        let ends_within = match to {
            Bound::Included(to) => *to < *part.range.end,
            Bound::Excluded(to) => *to <= *part.range.end,
            Bound::Unbounded => false,
        };
        Box::new(EarlyScan {
            state: self,
            known: part.pairs[begin..end.max(begin)].iter(),
            from: from.map(<[u8]>::to_vec),
            to: to.map(<[u8]>::to_vec),
            after: (!ends_within).then_some(&*part.range.end),
            rest: None,
        })
    }

    fn apply(&self, batch: &StateBatch, applied: Offset) -> Result<(), StateError> {
        self.wait()?.apply(batch, applied)
    }

    fn applied_offset(&self) -> Result<Offset, StateError> {
        match self.early() {
            Some(excerpt) => Ok(excerpt.applied()),
            None => self.wait()?.applied_offset(),
        }
    }

    fn clear(&self) -> Result<(), StateError> {
        self.wait()?.clear()
    }

    fn bytes_on_disk(&self) -> Result<u64, StateError> {
        self.wait()?.bytes_on_disk()
    }
}

/// A scan that begins in a part of the excerpt.
struct EarlyScan<'a, S> {
    state: &'a OpeningState<S>,
    known: slice::Iter<'a, (StoredBytes, StoredBytes)>,
    /// Where what was not shown yet begins.
    from: Bound<Vec<u8>>,
    to: Bound<Vec<u8>>,
    /// Where the state is to be asked for what follows; none if all is in the part.
    after: Option<&'a [u8]>,
    /// What the state says, once it was asked.
    rest: Option<Scan<'a>>,
}

impl<S: State + 'static> Iterator for EarlyScan<'_, S> {
    type Item = Result<(StoredBytes, StoredBytes), StateError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_none() {
            if let Some((key, value)) = self.known.next() {
                self.from = Bound::Excluded(key.to_vec());
                return Some(Ok((key.clone(), value.clone())));
            }
            let after = self.after.take()?;
            self.rest = Some(rest(self.state, Bound::Included(after), as_slice(&self.to)));
        }
        self.rest.as_mut()?.next()
    }
}

impl<S: State + 'static> DoubleEndedIterator for EarlyScan<'_, S> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.rest.is_none() {
            // The end is the state's to know.
            self.rest = Some(rest(self.state, as_slice(&self.from), as_slice(&self.to)));
        }
        self.rest.as_mut()?.next_back()
    }
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(Vec::as_slice)
}

fn rest<'a, S: State + 'static>(
    state: &'a OpeningState<S>,
    from: Bound<&[u8]>,
    to: Bound<&[u8]>,
) -> Scan<'a> {
    match state.wait() {
        Ok(state) => state.scan_range(from, to),
        Err(error) => Box::new(std::iter::once(Err(error))),
    }
}
