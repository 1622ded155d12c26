"""The parts of the ``kibble`` command: table of commands, composing, help and completion."""
