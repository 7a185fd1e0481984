"""Codes that open promotions: one by one, or thousands at once."""
