"""ROS 2 by DDS on the wire: joins a graph without any ROS installation.

Topics, types, quality of service and user data are those of ROS, so that nodes of ROS and this
see one another. Messages travel as raw CDR bytes, which rosbags reads and writes.
"""
