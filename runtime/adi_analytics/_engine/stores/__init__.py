"""Where the worker's rows go: the statements, the encoding and the faults of each kind of database."""
