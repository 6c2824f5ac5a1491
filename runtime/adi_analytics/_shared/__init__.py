"""What the client, the worker and the migrator share."""
