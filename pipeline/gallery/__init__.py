"""People with their embeddings and crops, on disk."""
