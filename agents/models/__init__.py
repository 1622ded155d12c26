"""``kibble models``: which reward models there are."""
