"""What a catalog asks of its events: aggregates, and questions about people."""
