"""One module per kind of sender: how it authenticates, and which images its payload names."""
