"""Questions about people on ClickHouse: what is stored for each, and what their public views need."""
