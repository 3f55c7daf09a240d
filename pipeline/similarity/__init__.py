"""From two embeddings to a distance in 0..1, and from a distance to a resemblance in 0..100."""
