"""What a database of ClickHouse is, beside what it should be."""
