"""Events on disk, while the database is away."""
