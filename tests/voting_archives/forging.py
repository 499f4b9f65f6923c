"""A trustee who lies: a wrong factor with a proof that holds."""

import json

from services.voting.canonical import render_json
from services.voting.election import Election
from services.voting.tally import partial_decryption


def forge(election: Election, private_key: int, tally_raw: bytes) -> bytes:
    """A wrong factor whose proof holds: commitments first, for two exponents; the factor falls out of the challenge."""
    group = election.group
    value = json.loads(partial_decryption(tally_raw, election, private_key))
    alpha = int(json.loads(tally_raw)[0][0]["alpha"])
    w, other = group.random_scalar(), group.random_scalar()
    prefix = f"decrypt|{election.fingerprint}|{group.text(group.g_power(private_key))}|"
    challenge = group.hash_to_scalar(prefix, group.g_power(w), group.power(alpha, other))
    response = (w - private_key * challenge) % group.q
    exponent = (other - response) * pow(challenge, -1, group.q) % group.q
    value["decryption_factors"][0][0] = group.text(group.power(alpha, exponent))
    value["decryption_proofs"][0][0] = {"challenge": str(challenge), "response": str(response)}
    return render_json(value)
