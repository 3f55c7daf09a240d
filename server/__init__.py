"""What serves the pages: answers about its state, protection, errors, and how it starts and ends."""
