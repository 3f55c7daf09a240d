"""The HTTP API: what other programs ask the server, below ``/v1``."""
