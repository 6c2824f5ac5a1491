"""Helpers of the tests; importable as ``support`` because ``tests`` is on pytest's path."""
