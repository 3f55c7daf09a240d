"""From an upright photo to faces, and from a face to its crops."""
