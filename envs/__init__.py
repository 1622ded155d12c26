"""Gymnasium environments, cameras and wrappers."""
