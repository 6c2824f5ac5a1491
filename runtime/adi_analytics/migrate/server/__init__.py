"""Talk to the server: connection, backend, lock, retries, rights."""
