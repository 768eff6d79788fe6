"""What Go does, in Python: templates, sprig, semver, regexp and the formats of its standard library."""
