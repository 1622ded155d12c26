"""Every shaping mode trained in worlds whose reward model is wrong: ``kibble traps``."""
