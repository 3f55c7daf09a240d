"""From crops to unit rows: one module an embedder, none of which knows about galleries."""
