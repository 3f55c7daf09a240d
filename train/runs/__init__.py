"""Training runs on disk: a run folder and all of its files."""
