"""Which tag a policy selects, and when it must not."""
