"""The kind `http`: a POST to a URL. Entries are read here; libcurl, beside it, carries them out."""

from spectrum_forwarder.adapters.kinds.http.trust import read_ca_bundle
from spectrum_forwarder.adapters.kinds.kind import Field, Kind
from spectrum_forwarder.adapters.ourselves import Ourselves
from spectrum_forwarder.adapters.url_guard import check_url
from spectrum_forwarder.domain.destination import HTTP
from spectrum_forwarder.domain.errors import InvalidEntry


def _check(url: object, allow_loopback: bool, own: Ourselves) -> None:
    if not isinstance(url, str):
        raise InvalidEntry("url must be a string")
    check_url(url, allow_loopback=allow_loopback)
    own.refuse_url(url)


KIND = Kind(
    name=HTTP,
    place="url",
    where="an https URL on a public address",
    claims=lambda where: "://" in where,
    check=_check,
    fields=(
        Field(
            name="ca_bundle",
            read=read_ca_bundle,
            default=None,
            metavar="FILE",
            help="Believe these private authorities (PEM) and no public one; '' for the public.",
            from_file=True,
        ),
    ),
)
