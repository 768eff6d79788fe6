"""Where an automation's change goes, when, and with which message."""
