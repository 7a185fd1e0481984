"""Who did what to what: a log whose deeds are only ever added to."""
