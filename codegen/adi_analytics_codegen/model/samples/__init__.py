"""Events made up from the catalog alone."""
