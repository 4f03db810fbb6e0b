"""A certificate of the stand-in's own, for clients that insist on TLS; they must be told to trust it.

redshift_connector does with SSL_CERT_FILE set to the file, psycopg2 with sslrootcert.
"""

import datetime
import ipaddress
import os
import ssl
from importlib.util import find_spec
from pathlib import Path

DAYS = 825


def certificate(folder: Path) -> ssl.SSLContext | None:
    """What TLS needs, from certificate.pem and key.pem in a folder, made if they are not there.

    None without the package `cryptography`: clients must then turn TLS off.
    """
    if not find_spec("cryptography"):
        return None
    shown, key = folder / "certificate.pem", folder / "key.pem"
    if not (shown.exists() and key.exists()):
        _make(shown, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, key)
    return context


def _make(shown: Path, key_file: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with open(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(private)
    shown.write_bytes(made.public_bytes(serialization.Encoding.PEM))
