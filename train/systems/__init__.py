"""Systems that recognise faces, each as the work that it comes from has it, for ``python -m train compare``."""
