"""Stage scan: tag lists of ImageRepositories."""
