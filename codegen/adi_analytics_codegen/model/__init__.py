"""The model of a catalog, and what can be asked of it."""
