"""A made-up history of a whole catalog: people who come, come back and go, and what they do."""
