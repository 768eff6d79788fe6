"""What is told of an event, to whom, and in which words; nothing here sends anything."""
