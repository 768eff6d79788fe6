"""tagstream: FluxCD's image automation as event-driven functions.

One way data flows::

    tick · queue · registry webhook ─▶ events/ ─▶ reconcile/repository ─▶ table ~stream~▶ events/stream
                                                    │ scan   ▲ tags                          │
                                                    ▼        │                               ▼
                                               adapters/registry                 reconcile/automation
                                                                                  plan ─▶ edit ─▶ commit
"""

__version__ = "0.1.0"
