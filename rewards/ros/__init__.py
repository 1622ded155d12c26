"""ROS 2 as others see it: messages, quality of service, transports; needs no ROS."""
