"""The products of the demo shop and their pictures."""
