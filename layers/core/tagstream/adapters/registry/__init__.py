"""Container registries over HTTP: tag lists and digests."""
