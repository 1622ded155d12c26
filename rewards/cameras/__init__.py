"""Calibrated cameras: from points in space to pixels and back."""
