"""Tests of the SDK: `python3 -B -m unittest` in its folder runs them."""
