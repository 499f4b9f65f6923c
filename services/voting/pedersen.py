"""Trustees of whom any t out of n suffice (Pedersen's distributed key generation): reading and checking their record.

Both forms are read: that of Belenios 2.0, and the superset that later versions insist on (`signatures`, a `context`
in every certificate, a `signature` beside every verification key), whose additions are then checked as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.voting.canonical import MalformedJson, array, members, parse_json, render_json, small_integer, text
from services.voting.group import Group
from services.voting.proofs import Proof, knowledge_holds
from services.voting.trustee_key import InvalidTrustee, TrusteeKey, parse_trustee_key


@dataclass(frozen=True, slots=True)
class PedersenTrustees:
    """n trustees, any `threshold` of whom can decrypt."""

    threshold: int
    public_key: int
    verification_keys: tuple[TrusteeKey, ...]


def parse_pedersen(value: Any, group: Group) -> PedersenTrustees:
    """Read and check a group of trustees; raises InvalidTrustee or MalformedJson.

    Checked: each certificate is signed by its own key, each list of coefficients by the matching certificate; all
    lists have `threshold` entries; each verification key has its proof and is V_j = prod_i prod_k A_ik^(j^k).
    """
    if not isinstance(value, dict):
        raise MalformedJson("a group of trustees is not an object")
    threshold, certs = small_integer(value.get("threshold")), array(value.get("certs"))
    signers = [_parse_certificate(cert, group) for cert in certs]
    coefficients = _parse_coefficients(value, signers, threshold, group)
    keys = [parse_trustee_key(key, group) for key in array(value.get("verification_keys"))]
    if not 1 <= threshold <= len(signers) == len(keys):
        raise InvalidTrustee("the threshold or the number of trustees is not right")
    _check_verification_keys(keys, coefficients, group)
    if "signatures" in value:
        _check_superset(value, signers, keys, group)
    return PedersenTrustees(threshold, group.product([row[0] for row in coefficients]), tuple(keys))


def lagrange(owners: Sequence[int], group: Group) -> dict[int, int]:
    """The coefficient of each owner's factor at 0: prod over the others k of k / (k - j), mod q."""
    coefficients = {}
    for j in owners:
        numerator = denominator = 1
        for k in owners:
            if k != j:
                numerator, denominator = numerator * k % group.q, denominator * (k - j) % group.q
        coefficients[j] = numerator * pow(denominator, -1, group.q) % group.q
    return coefficients


def _parse_certificate(cert: Any, group: Group) -> int:
    """The key of a certificate that it signs itself."""
    message, proof = _signed(cert)
    content = parse_json(message.encode("utf-8"))
    if not isinstance(content, dict):
        raise MalformedJson("a certificate is not an object")
    signer = group.parse_member(content.get("verification"))
    group.parse_member(content.get("encryption"))
    _check_signed(group, signer, message, proof)
    return signer


def _parse_coefficients(value: dict[str, Any], signers: Sequence[int], threshold: int, group: Group) -> list[list[int]]:
    """A_i0 ... A_i,t-1 of every trustee i."""
    rows = []
    signed = array(value.get("coefexps"))
    if len(signed) != len(signers):
        raise InvalidTrustee("not every trustee has a certificate and coefficients")
    for signer, item in zip(signers, signed, strict=True):
        message, proof = _signed(item)
        _check_signed(group, signer, message, proof)
        (coefexps,) = members(parse_json(message.encode("utf-8")), "coefexps")
        if len(array(coefexps)) != threshold:
            raise InvalidTrustee("a trustee's coefficients are not as many as the threshold")
        rows.append([group.parse_member(coefficient) for coefficient in coefexps])
    return rows


def _check_verification_keys(keys: Sequence[TrusteeKey], coefficients: list[list[int]], group: Group) -> None:
    columns = [group.product(column) for column in zip(*coefficients, strict=True)]
    for j, key in enumerate(keys, start=1):
        expected = group.product([group.power(column, j**k % group.q) for k, column in enumerate(columns)])
        if key.public_key != expected:
            raise InvalidTrustee("a trustee's verification key does not follow from the coefficients")


def _check_superset(value: dict[str, Any], signers: Sequence[int], keys: Sequence[TrusteeKey], group: Group) -> None:
    """The additions of later versions: who signed which coefficients among which trustees, and their own key."""
    signatures = array(value["signatures"])
    if len(signatures) != len(signers):
        raise InvalidTrustee("not every trustee has signed the certificates")
    rows = zip(signers, keys, signatures, value["certs"], value["coefexps"], value["verification_keys"], strict=True)
    for index, (signer, key, signature, cert, coefexps, record) in enumerate(rows, start=1):
        mine = parse_json(coefexps["message"].encode("utf-8"))
        message = "certs_sig|" + render_json({"certs": value["certs"], **mine}).decode("utf-8")
        _check_signed(group, signer, message, Proof.parse(signature))
        _check_signed(group, signer, group.text(key.public_key), Proof.parse(record.get("signature")))
        context = {"group": group.name, "size": len(signers), "threshold": value["threshold"], "index": index}
        if parse_json(cert["message"].encode("utf-8")).get("context") != context:
            raise InvalidTrustee("a trustee's certificate is for another group of trustees")


def _signed(value: Any) -> tuple[str, Proof]:
    message, signature = members(value, "message", "signature")
    return text(message), Proof.parse(signature)


def _check_signed(group: Group, signer: int, message: str, proof: Proof) -> None:
    if not knowledge_holds(group, signer, f"sigmsg|{message}|", proof):
        raise InvalidTrustee("a trustee's signature does not hold")
