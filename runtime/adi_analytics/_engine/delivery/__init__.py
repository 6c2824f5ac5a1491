"""The worker's decisions: what to write, when, and what to do after a fault."""
