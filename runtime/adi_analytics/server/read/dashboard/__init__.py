"""How the aggregates and questions of a catalog are shown: sections, panels, titles, formats."""
