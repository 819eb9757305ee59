"""HTTP Digest against the worked example of RFC 7616 clause 3.9.1, and challenges that are refused."""

from __future__ import annotations

import pytest

from drivers.camera.http_login import basic, digest

_NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
_CLIENT_NONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
_OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_the_rfc_comes_out(algorithm: str, response: str) -> None:
    challenge = (
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
        f'nonce="{_NONCE}", opaque="{_OPAQUE}"'
    )
    answer = digest(challenge, "Mufasa", "Circle of Life", "/dir/index.html", _CLIENT_NONCE)
    assert answer is not None
    for part in (f'response="{response}"', f"algorithm={algorithm}", f'opaque="{_OPAQUE}"', "nc=00000001", "qop=auth"):
        assert part in answer


def test_a_camera_without_quality_of_protection_is_answered_as_rfc_2069_says() -> None:
    # RFC 2069 clause 2.4 with the response of its erratum 749.
    challenge = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    answer = digest(challenge, "Mufasa", "CircleOfLife", "/dir/index.html", "00")
    assert answer is not None
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in answer
    assert "cnonce" not in answer


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        'Basic realm="camera"',
        'Digest realm="camera"',
        'Digest realm="camera", nonce="1", algorithm=SHA-512-256',
        'Digest realm="camera", nonce="1", qop="auth-int"',
    ],
)
def test_what_is_not_known_is_not_answered(challenge: str) -> None:
    assert digest(challenge, "me", "secret", "/", "00") is None


def test_basic_is_the_example_of_the_rfc() -> None:
    assert basic("Aladdin", "open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
