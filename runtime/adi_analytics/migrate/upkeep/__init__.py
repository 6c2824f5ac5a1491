"""Keep a database in order: refresh, backfill, retention, dead letters."""
