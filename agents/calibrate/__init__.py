"""``kibble calibrate``: find where a camera stands, and see whether that is right."""
