"""What a scan makes of a tag list, and when a repository is due."""
