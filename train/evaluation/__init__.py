"""How well a similarity does: metrics, protocols and the report of a run."""
