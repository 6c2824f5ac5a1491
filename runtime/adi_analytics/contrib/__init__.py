"""Optional parts: metrics for OpenTelemetry and Prometheus."""
