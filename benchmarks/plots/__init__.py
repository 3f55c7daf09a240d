"""The explorer's plot against two libraries that could take its place."""
