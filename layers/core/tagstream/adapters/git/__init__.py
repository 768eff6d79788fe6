"""Git without a work tree and without a git binary: the wire protocol, objects in memory, one push.

``remote.py`` opens repositories; the other modules serve it, and nothing outside imports them but ``wiring.py``.
"""
