"""Which tag a policy selects, which gates may refuse it, and what advice helps its author."""
