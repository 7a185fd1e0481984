"""What people may do: roles, made of permissions that plugins declare."""
