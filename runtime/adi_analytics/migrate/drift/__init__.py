"""Compare a live database with the catalog."""
