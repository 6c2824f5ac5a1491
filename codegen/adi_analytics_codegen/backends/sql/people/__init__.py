"""Questions about people in SQL: what is stored for each, and the public views that answer it."""
