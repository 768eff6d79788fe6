"""Select each policy's latest tag and store it."""
