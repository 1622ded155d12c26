"""From a model's readings to figures with intervals, or to the reason why there is none."""
