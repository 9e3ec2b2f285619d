"""AWS's Signature Version 4, of the plainest call there is: a POST to `/` without a query.

One pure module: the time is passed in, and what is signed comes back as headers. It makes what
botocore makes, to the letter, which tests/contract/test_direct.py holds; known answers stand in
tests/unit/test_sigv4.py.
Source: AWS General Reference, "Create a signed AWS API request".
"""

import hashlib
import hmac
import time
from collections.abc import Mapping

ALGORITHM = "AWS4-HMAC-SHA256"
# Proxies and retries change these on the way, so nobody signs them.
UNSIGNED = ("user-agent", "x-amzn-trace-id")


class Signer:
    """Signs calls to one service in one region. Neither its text nor its errors hold the secret."""

    def __init__(
        self, key_id: str, secret: str, token: str | None, *, region: str, service: str
    ) -> None:
        self._key_id = key_id
        self._secret = secret
        self._token = token
        self._region = region
        self._service = service
        # A key is good for a day: it is made anew with the date.
        self._key = ("", b"")

    def sign(self, headers: Mapping[str, str], body: bytes, *, now: float) -> dict[str, str]:
        """The headers (in lower case, `host` among them), the date's and the signature's added.

        `now` is Unix seconds.
        """
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        day = moment[:8]
        signed = {**headers, "x-amz-date": moment}
        if self._token:
            signed["x-amz-security-token"] = self._token
        names = sorted(signed.keys() - UNSIGNED)
        listed = ";".join(names)
        lines = "".join(f"{name}:{' '.join(signed[name].split())}\n" for name in names)
        request = f"POST\n/\n\n{lines}\n{listed}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{day}/{self._region}/{self._service}/aws4_request"
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = f"{ALGORITHM}\n{moment}\n{scope}\n{digest}"
        signature = hmac.digest(self._key_of(day), text.encode(), "sha256").hex()
        signed["authorization"] = (
            f"{ALGORITHM} Credential={self._key_id}/{scope}, SignedHeaders={listed}, "
            f"Signature={signature}"
        )
        return signed

    def _key_of(self, day: str) -> bytes:
        known, key = self._key
        if known != day:
            key = f"AWS4{self._secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key = day, key
        return key
