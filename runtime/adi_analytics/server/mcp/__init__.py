"""The questions of a catalog as tools of the Model Context Protocol, for programs that speak it over stdio."""
