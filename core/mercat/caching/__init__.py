"""Answers that are kept until something that they are about changes.

A field says with `@cacheable` what its value is about; an operation all of whose fields do may be
kept. See docs/decisions/0016-read-cache.md.
"""

from mercat.caching.declaring import Topic, cacheable

__all__ = ["Topic", "cacheable"]
