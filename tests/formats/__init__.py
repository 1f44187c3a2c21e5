"""Checks of every format against what reads it: `make test-formats`, in an environment of its own."""
