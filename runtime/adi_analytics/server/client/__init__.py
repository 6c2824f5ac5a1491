"""Typed clients of the service, made from a catalog: one file each, which needs nothing else."""
