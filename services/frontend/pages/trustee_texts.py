"""What a trustee's page says, by the codes that its scripts use (the refusals' codes: `static/voting/errors.js`)."""

from services.frontend.language import gettext as _


def trustee_texts() -> dict[str, str]:
    """The sentences in the reader's language."""
    return {**_steps(), **_refusals(), **board_refusals()}


def _steps() -> dict[str, str]:
    return {
        "busy-key": _("Making the key …"),
        "busy-publish": _("Publishing …"),
        "busy-open": _("Checking the code …"),
        "busy-board": _("Downloading and checking the board …"),
        "busy-decrypt": _("Decrypting your part …"),
        "busy-send": _("Sending your part …"),
        "progress-board": _("%(percent)s %% of the board checked, %(ballots)s ballots"),
        "progress-ballots": _("%(ballots)s ballots checked"),
        "key-same": _("This is the right file."),
        "key-differs": _("This is not the file that was just downloaded. Choose the one with the name %(name)s."),
        "key-other": _("This file holds another key than the one you have published. Choose the right one."),
        "published": _("Your key is published. Keep the file in a safe place until the votes are counted."),
        "checked": _(
            "The board is sound. Its encrypted tally is the sum of the ballots and holds %(counted)s of them."
        ),
        "sent": _("Your part of the decryption has been accepted. Thank you: you have nothing more to do."),
        "file-name": _("trustee-key-%(name)s.json"),
    }


def _refusals() -> dict[str, str]:
    return {
        "code-empty": _("Type the last three characters of your code."),
        "code-characters": _("A code has no such character. Compare it with the mail."),
        "code-length": _("A code has 15 characters in five groups of three. Some are missing, or there are too many."),
        "code-checksum": _("Something in the code is mistyped. Compare it with the mail; capitals matter."),
        "link-broken": _("The link was cut or changed on its way. Type the whole code from the mail."),
        "unauthenticated": _("This code does not open this page. Perhaps you were sent a newer invitation."),
        "insecure-context": _("This page works over a secure connection (https) only, because it makes a key."),
        "worker-failed": _(
            "Your browser cannot run what this page needs. Use a current Firefox, Chrome, Edge or Safari."
        ),
        "key-malformed": _("This file holds no key. Choose the file that this page gave you."),
        "key-foreign": _("This key belongs to no trustee of this election."),
        "key-not-proven": _("The key was refused. Make a new one."),
        "wrong-state": _("The election has changed meanwhile. Load this page again."),
        "decryption-unconfirmed": _("The tally is not open for decryption yet. Wait a few seconds and try again."),
        "unavailable": _("A part of this site does not answer at the moment. Wait a little and try again."),
        "dependency-down": _("A part of this site does not answer at the moment. Wait a little and try again."),
        "failed": _("Something went wrong. Nothing was published. Load this page again."),
    }


def board_refusals() -> dict[str, str]:
    """What can be wrong with a board; for every page that checks one."""
    broken = _("The board is not a whole and unbroken chain. Tell the organiser; do not trust it.")
    ballot = _("The board holds a ballot that must not be there. Tell the organiser; do not trust it.")
    tally = _("The published tally is not the sum of the ballots. Nothing was decrypted. Tell the organiser.")
    part = _("A published part of the decryption does not hold. Tell the organiser; do not trust the result.")
    result = _("The published result does not follow from the ballots. Tell the organiser; do not trust it.")
    kinds = {
        broken: ["foreign", "truncated", "header", "hash", "event", "chain", "order", "data"],
        ballot: ["malformed", "foreign", "signature", "proof", "credential", "duplicate"],
    }
    prefixes = {broken: "archive", ballot: "ballot"}
    sentences = {f"{prefixes[text]}-{kind}": text for text, codes in kinds.items() for kind in codes}
    return {
        **sentences,
        "at-event": _("It is event %(height)s."),
        "tally-malformed": tally,
        "tally-differs": tally,
        "tally-missing": _("The ballots have not been added up yet. Try again in a minute."),
        "decryption-malformed": part,
        "decryption-proof": part,
        "decryption-owner": part,
        "result-malformed": result,
        "result-incomplete": result,
        "result-differs": result,
        "credentials-malformed": broken,
        "credentials-duplicate": broken,
        "election-malformed": broken,
        "trustee-malformed": broken,
        "trustee-proof": broken,
        "trustee-product": broken,
        "trustee-unsupported": _("This page cannot check trustees of this kind. Use one of the programs."),
        "election-ranked": _("This page cannot check ranked questions. Use one of the programs."),
        "election-group": _("This page cannot check elections in this group. Use one of the programs."),
        "download-failed": _("The board could not be downloaded to its end. Check the connection and try again."),
    }
