"""General reward models: progress read from start, earlier, present and goal frames."""
