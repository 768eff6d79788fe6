"""An upgrade of a stack in the middle of work."""
