"""The generator: reads ``events.yaml``, writes ``generated/``. Never imported by the runtime."""
