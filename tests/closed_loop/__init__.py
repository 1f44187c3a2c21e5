"""The parts of `examples/closed-loop`, and all of it."""
