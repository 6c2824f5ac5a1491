"""A dashboard for Grafana, made from the catalog, which asks the public views by SQL."""
