"""The manifest that the migrator reads, and the fingerprints in it."""
