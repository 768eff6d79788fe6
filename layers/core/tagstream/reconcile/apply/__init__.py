"""Checks objects and makes them ready to be stored, for the command line and for Kustomizations alike."""
