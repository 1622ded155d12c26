"""A robot behind ROS 2 topics as a Gymnasium environment."""
