"""The definitions of `ros/kibble_msgs`, so that they travel with the Python package."""
