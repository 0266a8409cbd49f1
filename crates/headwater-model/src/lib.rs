//! The vocabulary of Headwater: validated names, facts, submissions, time, the extractor trait.
