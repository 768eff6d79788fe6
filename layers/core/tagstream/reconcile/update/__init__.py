"""Stage update: makes commits of what policies selected."""
