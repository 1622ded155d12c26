"""Hydra configuration groups of Kibble."""
