"""What migrations for ClickHouse are made of, and writing them."""
