"""Whom destinations are believed by: today's public roots, or their own, and nobody else."""

import datetime
import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from spectrum_forwarder.adapters.destination_registry import read_destination
from spectrum_forwarder.adapters.kinds.http.sender import HttpSender
from spectrum_forwarder.adapters.kinds.http.trust import (
    LONGEST_CA_BUNDLE,
    public_ca_bundle,
    read_ca_bundle,
    store,
)
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.outbound import Attempt

from tests.support.certificates import make_certificate
from tests.support.http_server import HttpServer, serving

OLD_STORE = Path(botocore.__file__).with_name("cacert.pem")
TODAYS = (
    *("GTS Root R1", "GTS Root R4"),
    *(f"Sectigo Public Server Authentication Root {kind}" for kind in ("R46", "E46")),
    *(f"SSL.com TLS {kind} Root CA 2022" for kind in ("RSA", "ECC")),
    *("DigiCert TLS RSA4096 Root G5", "DigiCert TLS ECC P384 Root G5"),
)
# Browsers have dropped these, and botocore's store has them, for years to come.
DROPPED = (
    *("Entrust Root Certification Authority - G2", "AffirmTrust Commercial"),
    *("Certinomis - Root CA", "TeliaSonera Root CA v1", "thawte Primary Root CA"),
    "VeriSign Class 3 Public Primary Certification Authority - G5",
)


class Authority:
    """A private authority, with another one between it and the server that it vouches for."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        root_key, self.root = _issue("a private root", None)
        between_key, between = _issue("one between", (root_key, self.root))
        key, leaf = _issue("localhost", (between_key, between), ca=False)
        self.pem = self.root.public_bytes(serialization.Encoding.PEM).decode()
        self.file = folder / "root.pem"
        self.file.write_text(self.pem)
        chain, key_file = folder / "chain.pem", folder / "key.pem"
        chain.write_bytes(
            b"".join(one.public_bytes(serialization.Encoding.PEM) for one in (leaf, between))
        )
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self.key = key_file.read_text()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(chain, key_file)


Issuer = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


def _issue(name: str, issuer: Issuer | None, *, ca: bool = True) -> Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[1].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(issuer[0] if issuer else key, hashes.SHA256())
    )
    return key, certificate


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(authority: Authority) -> Iterator[HttpServer]:
    with serving(tls=authority.context) as server:
        yield server


def ask(sender: HttpSender, server: HttpServer, ca_bundle: str | None = None) -> Answer:
    attempt = Attempt(
        *("main:1", "crm", server.url(host="localhost"), {}, b"{}", 5.0, float("inf")),
        options={"ca_bundle": ca_bundle},
    )
    [(_, answer)] = sender.send([attempt])
    return answer


# The public authorities


def roots(context: ssl.SSLContext) -> set[str]:
    """What the authorities in a store are called."""
    found: list[Any] = context.get_ca_certs()
    subjects = [dict(part for group in root["subject"] for part in group) for root in found]
    return {str(subject.get("commonName")) for subject in subjects}


def test_roots_that_only_todays_store_has_are_believed() -> None:
    assert roots(store()) >= set(TODAYS)


def test_roots_that_browsers_have_dropped_are_not_believed() -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(OLD_STORE)
    assert roots(old) >= set(DROPPED)
    assert not roots(store()) & set(DROPPED)
    assert not roots(old) & set(TODAYS)


def test_a_chain_is_as_good_as_the_store_that_its_root_stands_in(
    authority: Authority, server: HttpServer, tmp_path: Path
) -> None:
    """One and the same chain, its root in today's store, and taken out of it."""
    without = Path(public_ca_bundle())
    holding = tmp_path / "with.pem"
    holding.write_text(without.read_text(encoding="utf-8") + authority.pem, encoding="utf-8")
    for bundle, answered in ((holding, (200, None)), (without, (None, "tls"))):
        sender = HttpSender(str(bundle), allow_loopback=True)
        answer = ask(sender, server)
        assert (answer.status, answer.error) == answered
        sender.close()


def test_a_store_in_a_folder_of_any_name_is_read(
    authority: Authority, server: HttpServer, tmp_path: Path
) -> None:
    folder = tmp_path / "Jürgens Projekte 森"
    folder.mkdir()
    shutil.copy(authority.file, folder / "roots.pem")
    sender = HttpSender(str(folder / "roots.pem"), allow_loopback=True)
    assert ask(sender, server).status == 200
    sender.close()


# A destination's own


def test_a_private_authority_vouches_for_its_own_destination_alone(
    authority: Authority, server: HttpServer
) -> None:
    """On one engine, whose connections and sessions are kept: no belief leaks into another's."""
    sender = HttpSender(public_ca_bundle(), allow_loopback=True)
    answers = [ask(sender, server, own) for own in (None, authority.pem, None, authority.pem, None)]
    assert [answer.status for answer in answers] == [None, 200, None, 200, None]
    assert {answer.error for answer in answers if answer.error} == {"tls"}
    sender.close()


def test_a_destination_with_authorities_of_its_own_believes_no_other(
    authority: Authority, server: HttpServer, tmp_path: Path
) -> None:
    other = make_certificate(tmp_path)[0].read_text()
    sender = HttpSender(str(authority.file), allow_loopback=True)
    assert ask(sender, server).status == 200
    assert ask(sender, server, other).error == "tls"
    sender.close()


def test_an_entry_keeps_the_certificates_of_what_is_given(authority: Authority) -> None:
    entry = {"name": "crm", "url": "https://x.example.com/", "signing_secret": "5e" * 32}
    given = f"Subject: a private root\n{authority.pem}\nand a word after it"
    read = read_destination({**entry, "ca_bundle": given})
    assert read.options["ca_bundle"] == authority.pem
    assert read_destination(entry).options["ca_bundle"] is None


def test_what_is_no_authority_is_refused_with_a_sentence(authority: Authority) -> None:
    broken = authority.pem.replace("MII", "AAA")
    for value, said in (
        (7, "certificates in PEM"),
        ("", "certificates in PEM"),
        ("hello", "certificates in PEM"),
        (broken, "cannot be read"),
        (authority.pem + authority.key, "private key"),
        (authority.pem + " " * LONGEST_CA_BUNDLE, f"longer than {LONGEST_CA_BUNDLE}"),
    ):
        with pytest.raises(InvalidEntry, match=said) as refused:
            read_ca_bundle(value)
        assert "MI" not in str(refused.value)
    with pytest.raises(InvalidEntry, match="unknown field 'ca_bundle' of the kind sqs"):
        read_destination(
            {
                "name": "q",
                "kind": "sqs",
                "target": "arn:aws:sqs:us-east-1:123456789012:orders",
                "signing_secret": "5e" * 32,
                "ca_bundle": authority.pem,
            }
        )
