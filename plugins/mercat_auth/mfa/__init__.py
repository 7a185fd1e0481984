"""Second factors: codes by time, recovery codes, passkeys."""
