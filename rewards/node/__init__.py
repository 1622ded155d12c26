"""The reward node of a robot without ROS: views in step, episodes, deadlines, a fixed rate."""
