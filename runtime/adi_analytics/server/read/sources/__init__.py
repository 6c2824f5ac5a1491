"""The databases that answers are read from."""
