"""Applying migrations on ClickHouse."""
