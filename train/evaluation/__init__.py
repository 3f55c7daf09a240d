"""The only place where a figure is defined: metrics, protocols, and the report of a run."""
