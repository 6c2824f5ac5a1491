"""The command `analytics-codegen`."""
