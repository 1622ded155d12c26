"""``kibble serve``: reward models for other processes and machines."""
