"""The command ``analytics-server``."""
