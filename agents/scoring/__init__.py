"""When frames are scored, and what is kept of them: steps become signals at once or late."""
