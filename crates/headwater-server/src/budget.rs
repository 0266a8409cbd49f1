//! How much memory the bodies of all requests under way may take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that are shared out among requests. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ByteBudget {
    used: Arc<AtomicUsize>,
    max: usize,
}

/// What one request has of a budget; it goes back when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: ByteBudget,
    bytes: usize,
}

/// The budget is used up.
#[derive(Debug)]
pub(crate) struct Exhausted;

impl ByteBudget {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            used: Arc::default(),
            max,
        }
    }

    /// Bytes that are given out.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Nothing of it yet.
    pub(crate) fn share(&self) -> Share {
        Share {
            budget: self.clone(),
            bytes: 0,
        }
    }
}

impl Share {
    /// Takes `bytes` more, or nothing.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let max = self.budget.max;
        let wanted = |used: usize| used.checked_add(bytes).filter(|wanted| *wanted <= max);
        let order = Ordering::Relaxed;
        match self.budget.used.fetch_update(order, order, wanted) {
            Ok(_) => {
                self.bytes += bytes;
                Ok(())
            }
            Err(_) => Err(Exhausted),
        }
    }

    /// Gives back all but `bytes`.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let returned = self.bytes.saturating_sub(bytes);
        self.bytes -= returned;
        self.budget.used.fetch_sub(returned, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_never_exceed_the_budget_and_go_back() {
        let budget = ByteBudget::new(10);
        let (mut a, mut b) = (budget.share(), budget.share());
        assert!(a.grow(6).is_ok() && b.grow(4).is_ok());
        assert!(a.grow(1).is_err());
        assert_eq!(budget.used(), 10, "what is refused is not taken");
        b.shrink_to(1);
        assert!(a.grow(3).is_ok() && a.grow(1).is_err());
        drop(a);
        assert_eq!(budget.used(), 1);
        drop(b);
        assert_eq!(budget.used(), 0);
    }
}
