"""HTTP connections, shared by registries, Git and token services."""
