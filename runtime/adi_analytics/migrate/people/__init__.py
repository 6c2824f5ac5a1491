"""What is stored of a person: find it, export it, erase it."""
