"""Changing the tree."""
