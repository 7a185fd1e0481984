"""What admins set up over the API beside engine.toml; delivery and taxation share it."""
