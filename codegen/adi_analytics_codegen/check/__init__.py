"""Find what is wrong with a catalog, or with an edit of it."""
