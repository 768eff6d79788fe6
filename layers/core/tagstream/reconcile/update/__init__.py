"""Stage update: selections become commits."""
