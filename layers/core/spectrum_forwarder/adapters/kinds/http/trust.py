"""Whom HTTP destinations are believed by: the public authorities, or a destination's own.

certifi's store is made for this and renewed with the lock. botocore's lacks what has come up in the
last years, and keeps what browsers have dropped; a machine's is another one on every machine.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

from spectrum_forwarder.domain.errors import InvalidEntry

if TYPE_CHECKING:
    import ssl

# In the secret that holds all entries there is room for 64 KiB; an authority has one or two.
LONGEST_CA_BUNDLE = 16_384
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


def public_ca_bundle() -> str:
    """The path of certifi's CA bundle; libcurl's own default is not there on Lambda."""
    found = importlib.util.find_spec("certifi")
    if found is None or found.origin is None:
        raise FileNotFoundError("certifi, whose CA bundle is used, is not installed")
    return str(Path(found.origin).with_name("cacert.pem"))


def store(ca_bundle: str | None = None) -> ssl.SSLContext:
    """A client's context that believes exactly whom the sender does, as strictly as it does.

    `ca_bundle` is a destination's own, PEM; raises ssl.SSLError where that is none.
    """
    import ssl  # noqa: PLC0415 (not for --help)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # As libcurl: an authority between is believed as well as a root.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    if ca_bundle is None:
        context.load_verify_locations(cafile=public_ca_bundle())
    else:
        context.load_verify_locations(cadata=ca_bundle)
    return context


def certificates_in(text: str) -> str:
    """The certificates of a PEM file, without what stands around them."""
    return "".join(f"{found}\n" for found in _CERTIFICATE.findall(text))


def read_ca_bundle(bundle: object) -> str:
    """An entry's private authorities, in the place of the public ones; raise InvalidEntry."""
    import ssl  # noqa: PLC0415 (not for --help)

    if not isinstance(bundle, str) or not (certificates := certificates_in(bundle)):
        raise InvalidEntry("ca_bundle must be certificates in PEM")
    if "PRIVATE KEY" in bundle:
        raise InvalidEntry("ca_bundle holds a private key: only certificates belong here")
    if len(bundle) > LONGEST_CA_BUNDLE:
        raise InvalidEntry(f"ca_bundle is longer than {LONGEST_CA_BUNDLE} characters")
    try:
        store(certificates)
    except (ssl.SSLError, ValueError) as error:
        raise InvalidEntry("ca_bundle holds a certificate that cannot be read") from error
    return certificates
