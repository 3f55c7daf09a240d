"""From an embedding to ranked people: candidates, exact distances, ranking."""
