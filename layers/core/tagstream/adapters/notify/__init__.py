"""Services outside that are told of events."""
