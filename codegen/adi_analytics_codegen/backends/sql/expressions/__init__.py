"""SQL expressions over one row of the events table: its values, and the conditions of `where`."""
