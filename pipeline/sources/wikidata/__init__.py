"""Celebrities: the best-known people of Wikidata with freely licensed photos from Wikimedia Commons."""
