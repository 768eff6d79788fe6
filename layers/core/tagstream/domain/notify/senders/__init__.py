"""One module for each kind of service: what is sent to it for an event."""
