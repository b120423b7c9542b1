import datetime
import ssl

import pytest
from captum_serving.errors import BadGateway, Unavailable
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A server's side of TLS for `localhost`, and the file of the certificate that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    folder = tmp_path_factory.mktemp("tls")
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    (folder / "certificate.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context, str(folder / "certificate.pem")


def test_tls_by_a_certificate_that_is_trusted(certificate, serve, connect, ask):
    context, bundle = certificate
    server = serve([[OK]] * 2, tls=context)
    connection = connect(server, True, "localhost", bundle)
    assert [ask(connection).body for _ in range(2)] == [b"ok"] * 2  # on one connection


@pytest.mark.parametrize(("host", "trusted"), [("localhost", False), ("127.0.0.1", True)])
def test_a_certificate_of_nobody_that_is_known_or_of_another_name_is_refused(
    host, trusted, certificate, serve, connect, ask
):
    context, bundle = certificate
    with pytest.raises(BadGateway, match="does not speak TLS that is trusted here"):
        ask(connect(serve([], tls=context), True, host, bundle if trusted else None))


def test_a_file_of_no_certificates_is_told_when_it_is_needed(certificate, serve, connect, tmp_path, ask):
    context, _ = certificate
    for missing in (tmp_path / "missing.pem", tmp_path / "empty.pem"):
        (tmp_path / "empty.pem").write_text("no certificate")
        with pytest.raises(BadGateway, match="does not speak TLS that is trusted here"):
            ask(connect(serve([], tls=context), True, "localhost", str(missing)))


def test_a_hang_up_within_tls_is_one(certificate, serve, connect, ask):
    context, bundle = certificate
    with pytest.raises(Unavailable, match="closed the connection"):
        ask(connect(serve([[OK[:30]], None], tls=context), True, "localhost", bundle))
