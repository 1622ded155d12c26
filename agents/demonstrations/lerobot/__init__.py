"""LeRobot datasets, codebase version v3.0: their files, written and read with pyarrow and PyAV."""
