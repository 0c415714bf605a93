"""Keys and certificates for tests, by openssl."""

import subprocess


def openssl(folder, *args):
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)


def make_certificate(folder, name):
    """`NAME.key`, and `NAME.pem` that has signed itself, for this machine's names."""
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "3650", "-subj", "/CN=" + name, "-addext",
            "subjectAltName=DNS:localhost,DNS:127.0.0.1,IP:127.0.0.1", "-keyout", name + ".key",
            "-out", name + ".pem")
