"""What there is to be read by a reward model: videos, folders of pictures, datasets, runs."""
