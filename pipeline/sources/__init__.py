"""Sources of people for a gallery: one module per source, listed in :mod:`pipeline.sources.registry`."""
