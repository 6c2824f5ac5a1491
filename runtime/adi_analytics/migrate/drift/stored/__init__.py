"""Checks of what the aggregates store: by hand deleted or changed rows, buckets that are missing."""
