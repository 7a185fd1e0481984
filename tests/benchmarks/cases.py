"""What the executor's benchmark asks, and of whom."""

import json
from dataclasses import dataclass

from . import queries

COMPILED, INTERPRETED, NODE = "compiled", "interpreted", "Mercurius"
RAW, RECORDS, BY_HAND = "raw bytes", "records only", "by hand"
MERCAT = (INTERPRETED, COMPILED)
SERVERS = (*MERCAT, NODE)
_ROUTES = {RAW: "/raw", RECORDS: "/find", BY_HAND: "/write"}

TYPENAME, PLAIN_LIST, PLAIN_ONE = "{ __typename }", "plain list", "plain one"
MEMORY = {"list": "list, from memory", "one": "one, from memory"}
STORE = {"list": "list, from the store", "one": "one, from the store"}


@dataclass(frozen=True)
class Case:
    """One thing to ask, who answers it, and the end of the path where one does without GraphQL."""

    name: str
    query: str
    who: tuple[str, ...]
    end: str = ""

    @property
    def body(self) -> str:
        return json.dumps({"query": self.query})

    def path(self, who: str, size: int = 0) -> str:
        """Where to ask; `size` is that of the answer, where its bytes don't matter."""
        return f"{_ROUTES[who]}{self.end}?{size}" if who in _ROUTES else "/graphql"


CASES = (
    Case(TYPENAME, queries.TYPENAME, (RAW, *MERCAT)),
    Case(PLAIN_LIST, queries.PLAIN_LIST, (RAW, *SERVERS)),
    Case(PLAIN_ONE, queries.PLAIN_ONE, SERVERS),
    Case(MEMORY["list"], queries.MEMORY_LIST, (BY_HAND, *SERVERS), "/memory/list"),
    Case(MEMORY["one"], queries.MEMORY_ONE, (BY_HAND, *SERVERS), "/memory/one"),
    Case(STORE["list"], queries.STORE_LIST, (RECORDS, BY_HAND, *MERCAT), "/store/list"),
    Case(STORE["one"], queries.store_one(), (RECORDS, BY_HAND, *MERCAT), "/store/one"),
)
