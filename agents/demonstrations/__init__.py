"""Recorded episodes of scripted experts: their form on disk, a reader, and ``kibble demos``."""
