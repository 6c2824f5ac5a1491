"""Asking a database: what it must tell first, and the two ways to ask."""
