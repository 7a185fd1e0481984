"""Paying orders that are placed, and going on with payments."""
