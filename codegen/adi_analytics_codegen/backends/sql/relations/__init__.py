"""What an aggregate consists of: the stored relations, their measures, and the places of their names."""
