"""Many recordings at once, read side by side by Ray into one table."""
