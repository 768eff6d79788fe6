"""Git without a work tree and without a git binary: the wire protocol, objects in memory, one push.

In: GitAccess. Out: GitSession (``ports.py``); ``remote.py`` is the door, everything else is behind it.
"""
