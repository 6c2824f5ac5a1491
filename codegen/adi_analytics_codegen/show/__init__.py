"""Show a catalog to people: explanations, sample events, differences."""
