"""How much of each trial is made: a short form with all other tests, the long one by `make test-crash` and its like."""

import os

LONG = os.environ.get("CRASH") == "long"
