"""``kibble adapt``: teach a reward model a new task from one demonstration."""
