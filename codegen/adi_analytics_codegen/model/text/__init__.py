"""Names, patterns and spans: what texts mean, and how each language spells them."""
