"""Events generated from events.yaml."""
