"""Following keypoints through an episode: by re-detection, by optical flow, or by both."""
