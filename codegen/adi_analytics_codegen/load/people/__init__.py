"""From nodes to questions about people: entities and their members, retention, funnels."""
