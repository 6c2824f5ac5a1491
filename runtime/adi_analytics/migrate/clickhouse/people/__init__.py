"""What is stored of a person on ClickHouse: find it, export it, erase it."""
