"""Moving a catalog's events between PostgreSQL and ClickHouse."""
