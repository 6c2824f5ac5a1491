"""From an event to the bytes of its row."""
