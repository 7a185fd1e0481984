"""Mail that comes in, as tickets and replies are made of it. No I/O."""
