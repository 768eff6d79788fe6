"""Stage select: a policy's latest tag."""
