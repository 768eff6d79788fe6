"""The dashboard: what runs where, as a page of a browser and as a widget of CloudWatch; it only reads.

``overview`` and ``drill_down`` read a stack and return the values of ``view``; ``render`` makes HTML of them.
"""
