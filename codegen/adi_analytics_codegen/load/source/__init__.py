"""Reading the files of a catalog: where they are, their YAML, their shape."""
