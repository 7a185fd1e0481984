"""What people may ask for by the GDPR: a copy of their data, and its erasure."""
