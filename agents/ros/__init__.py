"""``kibble ros …``: robots and rewards on ROS 2."""
