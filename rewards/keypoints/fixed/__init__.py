"""Keypoints that somebody marked once: their file, and the proposer that repeats them."""
