"""Take over a database that another tool made."""
