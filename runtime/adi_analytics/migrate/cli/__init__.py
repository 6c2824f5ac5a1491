"""The command `analytics-migrate`."""
