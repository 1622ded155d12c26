"""A small local page on which keypoints are clicked."""
