"""The statements that make a catalog's tables, stored relations, views and comments."""
