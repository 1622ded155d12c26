"""Data engine and training of the embedded reward model on the project's own tasks."""
