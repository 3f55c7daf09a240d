"""Where the people of a gallery come from: one module for each source."""
