"""The half of the service that answers: aggregates as JSON and CSV, described by an OpenAPI document."""
