"""From answers to numbers, or to a typed failure."""
