"""Tests find the extractor and the SDK: `python3 -m unittest` in the project's folder runs them."""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT / "src"), str(PROJECT / "sdk")]
