"""Apply migrations and record them."""
