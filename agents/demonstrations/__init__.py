"""Demonstrations as LeRobot datasets: a reader for anybody's, and ``kibble demos`` for ours."""
