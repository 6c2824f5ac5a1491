"""Refresh, housekeeping and dead letters on ClickHouse."""
