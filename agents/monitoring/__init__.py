"""Watch a run for rewards that are farmed, and act on what is found."""
