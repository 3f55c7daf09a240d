"""The map of a gallery: every face has a place on a plane."""
