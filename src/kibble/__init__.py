"""Kibble turns camera frames into dense rewards that robots can learn from."""

__version__ = "0.1.0"
