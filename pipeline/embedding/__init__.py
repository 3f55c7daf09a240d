"""From crops to unit rows: one module for each embedder, which know nothing of galleries."""
