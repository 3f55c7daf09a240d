"""Learning likeness: networks, losses, sampling, fitting and evaluation on the embeddings of a gallery."""
