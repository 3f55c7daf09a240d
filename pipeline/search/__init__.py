"""From a probe to ranked people: candidates, exact distances, ranking."""
