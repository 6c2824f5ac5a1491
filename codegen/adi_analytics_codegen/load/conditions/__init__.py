"""``where``: what it may say, and whether it can ever be true."""
