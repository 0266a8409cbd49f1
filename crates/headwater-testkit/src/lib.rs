//! Graph notation, builders, the naive reference and a clock in hand, for tests.
