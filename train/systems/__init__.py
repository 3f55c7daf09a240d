"""Face recognition systems, each as in the work it comes from, for ``python -m train compare``."""
