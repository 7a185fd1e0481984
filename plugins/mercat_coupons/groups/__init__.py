"""Customer groups: who is in which."""
