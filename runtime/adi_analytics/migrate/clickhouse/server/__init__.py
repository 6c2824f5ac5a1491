"""The session with a ClickHouse, the lock, and the record of what was applied."""
