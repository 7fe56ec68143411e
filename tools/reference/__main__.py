"""Writes the values that PyTorch gives for our ops, layers and optimizers, for the tests to compare with.

    python tools/reference [family ...]

Each other file of this folder is a family; without names, all of them run. Needs torch; the results are committed, so that the
tests need no Python.
"""

import importlib
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
families = sorted(f[:-3] for f in os.listdir(here) if f.endswith(".py") and f[:-3] not in ("__main__", "common"))
for family in sys.argv[1:] or families:
    importlib.import_module(family)
