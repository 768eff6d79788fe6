"""``python -m tagstream.cli``: the command line where the ``tagstream`` script is not on the path.

In: the process's arguments. Out: its exit code.
"""

from __future__ import annotations

import sys

from tagstream.cli import main

sys.exit(main())
