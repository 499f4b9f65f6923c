"""The token by which a browser is known to have signed in to an account before. It opens nothing."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from services.auth.sealing import Sealing


@dataclass(frozen=True)
class Device:
    """One browser of one organiser."""

    organiser_id: str
    id: str


def write_device(sealing: Sealing, device: Device) -> str:
    """The token: both ids, and a MAC that binds them to each other."""
    text = f"{device.organiser_id}.{device.id}"
    return f"{text}.{_mac(sealing, text)}"


def read_device(sealing: Sealing, token: str | None) -> Device | None:
    """The device, if we wrote the token; a wrong one is as good as none."""
    text, _, mac = (token or "").rpartition(".")
    organiser_id, _, device_id = text.partition(".")
    if not device_id or not hmac.compare_digest(mac.encode(), _mac(sealing, text).encode()):
        return None
    return Device(organiser_id, device_id)


def _mac(sealing: Sealing, text: str) -> str:
    return base64.urlsafe_b64encode(hmac.digest(sealing.devices, text.encode(), hashlib.sha256)).decode().rstrip("=")
