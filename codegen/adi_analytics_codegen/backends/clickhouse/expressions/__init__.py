"""What reads values from a row of the events table: ClickHouse's words for what a catalog says."""
