"""API keys: how programs, and not people, prove who they are."""
