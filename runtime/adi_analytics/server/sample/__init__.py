"""The dashboard of a catalog before there is an event: on made-up ones, in a PostgreSQL of its own."""
