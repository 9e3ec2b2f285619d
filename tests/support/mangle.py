"""What proxies, frameworks, editors and people do to requests, each with its one cause."""

from __future__ import annotations

import base64
import gzip
import html
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

from spectrum_cli.samples.requests import (
    SIGNATURE,
    TEST_SECRET,
    TIMESTAMP,
    WEBHOOK_ID,
)

from tests.support.spoilt import (
    NOW,
    WEBHOOK,
    Case,
    go,
    good,
    iso,
    padded,
    php,
    rewritten,
    signed_by,
    with_body,
    with_header,
    with_stored,
)

HEADERS = (SIGNATURE, TIMESTAMP, WEBHOOK_ID)


COMPACT: dict[str, Any] = {"separators": (",", ":"), "ensure_ascii": False}

# Name → (case, the one cause).
BODIES: Mapping[str, tuple[Case, str]] = {
    "empty": (with_body(lambda _: b""), "body_empty"),
    "python_dumps": (with_body(rewritten()), "body_reserialised"),
    "spaced_unescaped": (with_body(rewritten(ensure_ascii=False)), "body_reserialised"),
    "padded": (with_body(padded), "body_reserialised"),
    "indented": (with_body(rewritten(indent=2, ensure_ascii=False)), "body_reserialised"),
    "indented_by_4": (with_body(rewritten(indent=4)), "body_reserialised"),
    "sorted": (with_body(rewritten(sort_keys=True, **COMPACT)), "body_reserialised"),
    "sorted_spaced": (with_body(rewritten(sort_keys=True)), "body_reserialised"),
    "sorted_group": (
        with_body(rewritten(sort_keys=True, **COMPACT), "group"),
        "body_reserialised",
    ),
    "escaped": (with_body(rewritten(separators=(",", ":"))), "body_reserialised"),
    "php": (with_body(php, "richlink"), "body_reserialised"),
    "go": (with_body(go, "richlink"), "body_reserialised"),
    "jq": (
        with_body(lambda b: rewritten(indent=2, ensure_ascii=False)(b) + b"\n"),
        "body_reserialised",
    ),
    "newline_added": (with_body(lambda b: b + b"\n"), "body_newline"),
    "crlf_added": (with_body(lambda b: b + b"\r\n"), "body_newline"),
    "newline_removed": (
        replace(good(body=b'{"event":"messages"}\n'), body=b'{"event":"messages"}'),
        "body_newline",
    ),
    "crlf_to_lf": (with_body(lambda b: b.replace(b"\r\n", b"\n"), "not_json"), "body_line_endings"),
    "lf_to_crlf": (
        replace(good(body=b'{\n"a":\n1}'), body=b'{\r\n"a":\r\n1}'),
        "body_line_endings",
    ),
    "lf_to_cr": (replace(good(body=b'{\n"a":1\n}'), body=b'{\r"a":1\r}'), "body_line_endings"),
    "bom_added": (with_body(lambda b: b"\xef\xbb\xbf" + b), "body_bom"),
    "bom_removed": (
        replace(good(body=b'\xef\xbb\xbf{"a":1}'), body=b'{"a":1}'),
        "body_bom",
    ),
    "blank_added": (with_body(lambda b: b + b"  "), "body_trimmed"),
    "nul_added": (with_body(lambda b: b + b"\x00"), "body_trimmed"),
    "blank_removed": (replace(good(body=b'{"a":1} '), body=b'{"a":1}'), "body_trimmed"),
    "latin_1_mojibake": (with_body(lambda b: b.decode("latin-1").encode()), "body_charset"),
    "cp1252_mojibake": (
        replace(
            good(body='{"a":"naïve"}'.encode()),
            body='{"a":"naïve"}'.encode().decode("cp1252").encode(),
        ),
        "body_charset",
    ),
    "written_as_latin_1": (
        replace(good(body='{"a":"café"}'.encode()), body='{"a":"café"}'.encode("latin-1")),
        "body_charset",
    ),
    "utf_16": (with_body(lambda b: b.decode().encode("utf-16")), "body_charset"),
    "utf_16_le": (with_body(lambda b: b.decode().encode("utf-16-le")), "body_charset"),
    "replaced": (with_body(lambda b: b.decode("ascii", "replace").encode()), "body_charset"),
    "decomposed": (
        replace(good(body='{"a":"café"}'.encode()), body='{"a":"cafe\u0301"}'.encode()),
        "body_normalised",
    ),
    "base64": (with_body(base64.b64encode), "body_base64"),
    "base64_url": (with_body(base64.urlsafe_b64encode), "body_base64"),
    "base64_wrapped": (with_body(base64.encodebytes), "body_base64"),
    "gzip": (with_body(gzip.compress), "body_compressed"),
    "quoted": (with_body(lambda b: json.dumps(b.decode()).encode()), "body_quoted"),
    "url_encoded": (with_body(lambda b: quote_plus(b).encode()), "body_url_encoded"),
    "form": (with_body(lambda b: quote_plus(b).encode() + b"="), "body_url_encoded"),
    "html_escaped": (with_body(lambda b: html.escape(b.decode()).encode()), "body_html_escaped"),
    "doubled": (with_body(lambda b: b + b), "body_doubled"),
    "extended": (with_body(lambda b: b + b"<!-- proxy -->"), "body_extended"),
    "last_brace_lost": (with_body(lambda b: b[:-1]), "body_truncated"),
    "truncated": (with_body(lambda b: b[:100]), "body_truncated"),
    "changed": (with_body(lambda b: b.replace(b"dinner", b"supper")), "nothing_matches"),
    "rewritten_beyond_repair": (
        with_body(lambda b: json.dumps(json.loads(b)).encode(), "hostile_json"),
        "body_reserialised",
    ),
}

SIGNATURES: Mapping[str, tuple[Case, str]] = {
    "stripped": (
        replace(good(), headers={"Content-Type": "application/json"}),
        "headers_stripped",
    ),
    "cgi_names": (
        replace(
            good(),
            headers={"HTTP_" + k.upper().replace("-", "_"): v for k, v in good().headers.items()},
        ),
        "headers_renamed",
    ),
    "signature_missing": (with_header(SIGNATURE, lambda _: None), "signature_missing"),
    "signature_empty": (with_header(SIGNATURE, lambda _: ""), "signature_missing"),
    "signature_cut": (with_header(SIGNATURE, lambda v: v[:64]), "signature_truncated"),
    "signature_cut_short": (with_header(SIGNATURE, lambda v: v[:32]), "signature_truncated"),
    "prefix_only": (with_header(SIGNATURE, lambda _: "v0="), "signature_truncated"),
    "upper_case": (
        with_header(SIGNATURE, lambda v: "v0=" + v[3:].upper()),
        "signature_upper_case",
    ),
    "upper_case_prefix": (with_header(SIGNATURE, str.upper), "signature_upper_case"),
    "no_prefix": (with_header(SIGNATURE, lambda v: v[3:]), "signature_without_prefix"),
    "sha256_prefix": (
        with_header(SIGNATURE, lambda v: "sha256=" + v[3:]),
        "signature_other_prefix",
    ),
    "joined": (with_header(SIGNATURE, lambda v: f"{v},{v}"), "signature_joined"),
    "joined_by_blank": (with_header(SIGNATURE, lambda v: f"{v}, {v}"), "signature_joined"),
    "quoted": (with_header(SIGNATURE, lambda v: f'"{v}"'), "signature_quoted"),
    "base64": (
        with_header(SIGNATURE, lambda v: base64.b64encode(bytes.fromhex(v[3:])).decode()),
        "signature_base64",
    ),
    "garbled": (with_header(SIGNATURE, lambda _: "[object Object]"), "signature_malformed"),
    "folded": (with_header(SIGNATURE, lambda v: f"{v[:40]} {v[40:]}"), "signature_malformed"),
    "standard_alone": (
        replace(
            good(),
            headers={
                WEBHOOK_ID: WEBHOOK,
                "webhook-id": "evt_1",
                "webhook-timestamp": str(NOW),
                "webhook-signature": "v1,AAAA",
            },
        ),
        "scheme_without_secret",
    ),
    "id_missing": (with_header(WEBHOOK_ID, lambda _: None), "webhook_id_missing"),
    "id_joined": (with_header(WEBHOOK_ID, lambda v: f"{v},{v}"), "webhook_id_joined"),
}

TIMES: Mapping[str, tuple[Case, str]] = {
    "missing": (with_header(TIMESTAMP, lambda _: None), "timestamp_missing"),
    "milliseconds": (with_header(TIMESTAMP, lambda v: v + "000"), "timestamp_milliseconds"),
    "milliseconds_odd": (with_header(TIMESTAMP, lambda v: v + "123"), "timestamp_milliseconds"),
    "iso": (with_header(TIMESTAMP, iso), "timestamp_date"),
    "http_date": (
        with_header(TIMESTAMP, lambda _: "Tue, 14 Nov 2023 22:13:20 GMT"),
        "timestamp_date",
    ),
    "fraction": (with_header(TIMESTAMP, lambda v: v + ".25"), "timestamp_fractional"),
    "joined": (with_header(TIMESTAMP, lambda v: f"{v},{v}"), "timestamp_joined"),
    "quoted": (with_header(TIMESTAMP, lambda v: f'"{v}"'), "timestamp_malformed"),
    "underscored": (with_header(TIMESTAMP, lambda v: f"{v[:3]}_{v[3:]}"), "timestamp_malformed"),
    "nonsense": (with_header(TIMESTAMP, lambda _: "now"), "timestamp_malformed"),
    "set_anew": (with_header(TIMESTAMP, lambda v: str(int(v) + 3)), "timestamp_altered"),
    "another_zone": (with_header(TIMESTAMP, lambda v: str(int(v) + 7200)), "timestamp_altered"),
    "stale": (good(timestamp=NOW - 301), "timestamp_stale"),
    "future": (good(timestamp=NOW + 301), "timestamp_future"),
}

SECRETS: Mapping[str, tuple[Case, str]] = {
    "newline": (with_stored(TEST_SECRET + "\n"), "secret_whitespace"),
    "blank_before": (with_stored(" " + TEST_SECRET), "secret_whitespace"),
    "blank_inside": (with_stored(TEST_SECRET[:32] + "\n" + TEST_SECRET[32:]), "secret_whitespace"),
    "quotes": (with_stored(f'"{TEST_SECRET}"'), "secret_quoted"),
    "quotes_and_newline": (with_stored(f"'{TEST_SECRET}'\n"), "secret_quoted"),
    "upper_case": (with_stored(TEST_SECRET.upper()), "secret_upper_case"),
    "hex_decoded": (with_stored(bytes.fromhex(TEST_SECRET)), "secret_hex_decoded"),
    "base64": (with_stored(base64.b64encode(TEST_SECRET.encode())), "secret_base64"),
    "base64_of_bytes": (
        with_stored(b"whsec_" + base64.b64encode(bytes.fromhex(TEST_SECRET))),
        "secret_base64",
    ),
    "assignment": (with_stored(f"SPECTRUM_SECRET={TEST_SECRET}"), "secret_decorated"),
    "last_character_lost": (with_stored(TEST_SECRET[:-1]), "secret_truncated"),
    "first_characters_lost": (with_stored(TEST_SECRET[2:]), "secret_truncated"),
    "half": (with_stored(TEST_SECRET[:32]), "secret_truncated"),
    "placeholder": (with_stored("<64 hex characters>"), "secret_malformed"),
    "wrong": (with_stored("a" * 64), "nothing_matches"),
    "signed_with_bytes": (signed_by(bytes.fromhex(TEST_SECRET)), "signed_with_decoded_secret"),
    "signed_with_newline": (signed_by(TEST_SECRET.encode() + b"\n"), "signed_with_newline"),
    "signed_upper_case": (signed_by(TEST_SECRET.upper().encode()), "signed_with_upper_case"),
    "signed_with_nothing": (signed_by(b""), "signed_with_empty_secret"),
}

MANGLED: Mapping[str, tuple[Case, str]] = {
    f"{group}-{name}": case
    for group, cases in (
        ("body", BODIES),
        ("signature", SIGNATURES),
        ("time", TIMES),
        ("secret", SECRETS),
    )
    for name, case in cases.items()
}
