"""When a team is at work, and how much of that time lies between two instants. No I/O."""
