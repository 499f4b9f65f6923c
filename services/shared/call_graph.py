"""Who may call whom: the one list that imports, network rules and tests are held to.

It has no cycle. Every service may besides fetch the public keys of `auth`; that needs no import and no entry here.
"""

from collections.abc import Mapping
from types import MappingProxyType

MAY_CALL: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "auth": frozenset(),
        "voter": frozenset({"election", "ballot"}),
        "election": frozenset(),
        "ballot": frozenset({"election"}),
        "result": frozenset({"election", "ballot"}),
        "frontend": frozenset({"auth", "voter", "election", "ballot", "result"}),
    }
)
