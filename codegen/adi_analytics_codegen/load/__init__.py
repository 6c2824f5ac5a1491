"""From the files of a catalog to its model."""
