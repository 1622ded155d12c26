"""Affordance keypoints: proposed, tracked, lifted into space, and paid as a potential."""
