"""Codes in carts: put in, taken out, and what they come to."""
