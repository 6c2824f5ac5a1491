"""The statements that answer a question."""
