"""``kibble score``: what reward models think of a recording, as numbers, as a film, as a page."""
