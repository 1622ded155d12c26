"""How good a reward model is: pure functions on arrays of readings, one idea per module."""
