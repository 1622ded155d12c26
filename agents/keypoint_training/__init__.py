"""Training data for the embedded keypoint network, and its training."""
