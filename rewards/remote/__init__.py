"""A reward model that answers from another process or machine."""
