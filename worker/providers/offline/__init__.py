"""What the offline analyser knows: rules as tables, the facts of an event, and the words for both."""
