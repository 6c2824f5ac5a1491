"""Checks what only TimescaleDB has: chunks, compression, continuous aggregates, jobs."""
