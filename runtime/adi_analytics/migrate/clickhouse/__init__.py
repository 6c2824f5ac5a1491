"""The migrator on ClickHouse: repeatable single statements, a lock that is a table, state compared by a twin."""
