"""What is observed of a catalog's events in a database; `analytics-migrate audit` and ``GET /events`` show it."""
