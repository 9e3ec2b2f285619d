"""The floor of an event: two bare round trips over one TLS connection that is kept."""

import os
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

target = urlsplit(os.environ["AWS_ENDPOINT_URL"])
context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
connection = context.wrap_socket(
    socket.create_connection((target.hostname, target.port)), server_hostname=target.hostname
)
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
HEAD = "POST / HTTP/1.1\r\nHost: stub\r\nX-Amz-Target: x.PutItem\r\nContent-Length: {}\r\n{}\r\n"


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Send as many bytes as a signed request has, twice."""
    request = HEAD.format(900, f"X-Padding: {'x' * 700}\r\n").encode() + b"x" * 900
    for _ in range(2):
        connection.sendall(request)
        connection.recv(65536)
    return {"statusCode": 200}
