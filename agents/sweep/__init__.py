"""Many training runs and one report: the command ``kibble sweep``."""
