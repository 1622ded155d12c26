"""Checks of the machine and its packages, behind ``kibble doctor``."""
