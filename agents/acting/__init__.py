"""Acting beside learning: a process steps the robot, others score and learn from its steps."""
