"""Accounts: from registration to erasure."""
