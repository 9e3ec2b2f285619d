"""POSTs alone, without the table around them: 50 of one batch, by libcurl or by its peer.

`BENCH_SENDER` says whose; an event's one record names the URL, its `posts` their number.
"""

import os
from typing import Any

BODY = b'{"event":"messages"}' * 30


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Make them."""
    statuses = deliver(event["url"], event["posts"])
    if statuses != [200] * event["posts"]:
        raise RuntimeError(f"answers: {statuses}")
    return {"batchItemFailures": []}


if os.environ["BENCH_SENDER"] == "ours":
    from spectrum_forwarder.adapters.kinds.http.sender import HttpSender
    from spectrum_forwarder.domain.outbound import Attempt

    sender = HttpSender(os.environ["AWS_CA_BUNDLE"], allow_loopback=True)

    def deliver(url: str, posts: int) -> list[int | None]:
        """As the fan-out does."""
        attempts = [
            Attempt(
                event_key=f"main:{n}",
                destination="d",
                url=url,
                headers={"Content-Type": "application/json"},
                body=BODY,
                timeout_seconds=10.0,
                begin_by=float("inf"),
            )
            for n in range(posts)
        ]
        return [answer.status for _, answer in sender.send(attempts)]
else:
    from concurrent.futures import ThreadPoolExecutor

    import urllib3

    http = urllib3.PoolManager(maxsize=50, ca_certs=os.environ["AWS_CA_BUNDLE"], retries=False)
    pool = ThreadPoolExecutor(50)

    def post(url: str) -> int:
        """One of them."""
        headers = {"Content-Type": "application/json"}
        return http.request("POST", url, body=BODY, headers=headers, timeout=10).status

    def deliver(url: str, posts: int) -> list[int | None]:
        """urllib3 with threads."""
        return list(pool.map(post, [url] * posts))
