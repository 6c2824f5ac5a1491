"""What the client and the worker are made of; nothing here is public."""
