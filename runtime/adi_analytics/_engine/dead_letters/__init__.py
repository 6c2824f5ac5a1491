"""Rows that the database refused."""
