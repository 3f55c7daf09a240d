"""The folder of a run: its files, who trains it, and what is left when it is done."""
