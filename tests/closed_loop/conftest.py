"""The parts of `examples/closed-loop`. What trains is run by `make test-loop`, in an environment with TRL."""

import sys
from importlib.util import find_spec
from pathlib import Path

LOOP = Path(__file__).parents[2] / "examples" / "closed-loop"
# At the end: a module of the tests that has the same name is found first, and is told at once.
sys.path.append(str(LOOP))

collect_ignore_glob = [] if find_spec("trl") else ["test_loop_whole.py"]
