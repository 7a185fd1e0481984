"""Folders that `mercat new` writes."""
