"""Pull requests of push branches: opened and kept current after pushes, closed when their branch offers nothing."""
