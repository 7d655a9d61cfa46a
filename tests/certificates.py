"""Certificates that a test makes for a server of its own."""

import ipaddress
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from runtime.process.mint import now

HOST = "127.0.0.1"


def write_certificate(certificate: Path, key: Path, password: bytes | None = None) -> int:
    """Write a self-signed certificate for HOST, and its key; return the certificate's serial number."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST)), x509.DNSName("localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(private, hashes.SHA256())
    )
    sealed = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    written = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)
    key.write_bytes(written)
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return made.serial_number


def serial_of(certificate: bytes) -> int:
    """Return the serial number of a certificate that a server has shown, as DER."""
    return x509.load_der_x509_certificate(certificate).serial_number
