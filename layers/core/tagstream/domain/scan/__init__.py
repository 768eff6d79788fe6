"""What a scan keeps of a tag list, and when an object is due."""
