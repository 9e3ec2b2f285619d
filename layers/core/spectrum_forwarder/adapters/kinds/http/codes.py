"""How an exchange without an answer ended: the word for each of libcurl's codes."""

import pycurl  # type: ignore[import-untyped]

# libcurl's codes that pycurl has no name for.
_CLIENT_CERTIFICATE, _TOO_LARGE = 98, 100
_WORDS = {
    **dict.fromkeys(
        (
            *(
                pycurl.E_SSL_CONNECT_ERROR,
                pycurl.E_PEER_FAILED_VERIFICATION,
                pycurl.E_USE_SSL_FAILED,
            ),
            *(pycurl.E_SSL_ENGINE_NOTFOUND, pycurl.E_SSL_ENGINE_SETFAILED),
            *(pycurl.E_SSL_ENGINE_INITFAILED, pycurl.E_SSL_CERTPROBLEM, pycurl.E_SSL_CIPHER),
            *(pycurl.E_SSL_CACERT_BADFILE, pycurl.E_SSL_SHUTDOWN_FAILED, pycurl.E_SSL_CRL_BADFILE),
            *(pycurl.E_SSL_ISSUER_ERROR, pycurl.E_SSL_PINNEDPUBKEYNOTMATCH),
            *(pycurl.E_SSL_INVALIDCERTSTATUS, _CLIENT_CERTIFICATE),
        ),
        "tls",
    ),
    pycurl.E_COULDNT_RESOLVE_HOST: "dns",
    pycurl.E_OPERATION_TIMEDOUT: "timeout",
    pycurl.E_GOT_NOTHING: "connection_reset",
    pycurl.E_SEND_ERROR: "connection_reset",
    pycurl.E_RECV_ERROR: "connection_reset",
    # It wanted to send the body again, on another connection: see `Exchange._give_body`.
    pycurl.E_SEND_FAIL_REWIND: "connection_reset",
    **dict.fromkeys(
        (
            # Once the URL's scheme has been checked, it is left to mean one without a status line.
            pycurl.E_UNSUPPORTED_PROTOCOL,
            *(pycurl.E_OK, pycurl.E_FTP_WEIRD_SERVER_REPLY, pycurl.E_PARTIAL_FILE),
            *(pycurl.E_WRITE_ERROR, pycurl.E_BAD_FUNCTION_ARGUMENT),
            *(pycurl.E_BAD_CONTENT_ENCODING, _TOO_LARGE),
        ),
        "bad_response",
    ),
}


def word(code: int) -> str:
    """The error of an attempt that libcurl ended with `code`."""
    return _WORDS.get(code, f"curl_{code}")
