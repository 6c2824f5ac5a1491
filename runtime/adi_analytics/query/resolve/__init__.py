"""From arguments to a question that is checked and complete."""
