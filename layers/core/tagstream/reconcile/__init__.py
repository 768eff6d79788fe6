"""The imperative shell: read, decide, write; talks to ports only."""
