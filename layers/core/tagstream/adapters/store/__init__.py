"""The one table: keys, items and access patterns (docs/table.md)."""
