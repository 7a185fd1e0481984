"""What orders look like in the schema."""
