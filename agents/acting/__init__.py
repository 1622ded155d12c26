"""Acting while something else learns: a thread steps the robot, another scores and learns."""
