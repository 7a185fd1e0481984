"""Sellers: whoever sells in the shop beside the shop itself, and their staff."""
