"""ROS 2 bags, MCAP and SQLite, read and written without ROS."""
