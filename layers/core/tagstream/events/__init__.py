"""Outside bytes become request values here; nothing in this package does I/O."""
