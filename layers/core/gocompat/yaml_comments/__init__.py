"""The comments that go-yaml gives to the scalars of a YAML text."""
