"""The categories of the demo shop."""
