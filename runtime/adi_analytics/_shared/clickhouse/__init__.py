"""ClickHouse over its HTTP interface: where it is, what its errors are, and how to ask it."""
