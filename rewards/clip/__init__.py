"""Models that put pictures and sentences into one space: CLIP, SigLIP and all of open_clip."""
