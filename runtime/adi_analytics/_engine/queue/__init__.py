"""The queue, its consumer, and the count of what happened to each event."""
