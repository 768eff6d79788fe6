"""Builds the objects of a Kustomization from files, as kustomize does, as far as tagstream's kinds need it."""
