"""Weights of auxiliary rewards, learned so that the primary return grows."""
