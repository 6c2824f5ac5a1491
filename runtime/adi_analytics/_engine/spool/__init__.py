"""Events on disk while the database is unavailable."""
