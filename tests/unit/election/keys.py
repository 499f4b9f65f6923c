"""Keys of trustees."""

from services.election.contract import TrusteeKey
from services.election.definition import GROUP
from services.voting.trustee import generate_private_key, public_key_record


def a_key(private: int | None = None) -> TrusteeKey:
    """A key with its proof."""
    record = public_key_record(generate_private_key(GROUP) if private is None else private, GROUP)
    return TrusteeKey(public_key=record["public_key"], **record["pok"])
