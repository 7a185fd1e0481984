"""Orders that staff prepare, and buyers pay by a link."""
