"""ClickHouse for the tests."""
