"""Setters: which marked values of a file change, and to what."""
