"""Go's templates, sprig, semver, regexp and formats of its standard library, answered in Python exactly as Go does.

It is pure: the time and entropy are arguments. Entry points: render.py for templates, regexp.py, semver/, floats.py.
docs/gocompat.md says what is answered exactly, and what is not.
"""
