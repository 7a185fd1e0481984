"""Tax zones: which tax is due where, at which rate."""
