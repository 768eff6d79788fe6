"""Conditions of objects."""
