"""Contact sheets of what the cameras see in a task, behind ``kibble render``."""
