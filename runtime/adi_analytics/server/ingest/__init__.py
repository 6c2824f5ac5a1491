"""Taking events over HTTP: the body, the events in it, and the rows that are kept."""
