"""The map of a gallery: a place on a plane for every face."""
