"""What a catalog is in stored rows: their keys, the items of their lists, and what is computed from both."""
