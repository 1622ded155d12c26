"""What may stand after ``remote@``."""

from __future__ import annotations

import pytest

from kibble.rewards.errors import ConfigError
from kibble.rewards.remote.address import parse_address


@pytest.mark.parametrize(
    ("text", "url", "model", "loopback"),
    [
        ("http://127.0.0.1:8000/grm_tiny", "http://127.0.0.1:8000", "grm_tiny", True),
        ("http://[::1]:8000/grm_tiny", "http://[::1]:8000", "grm_tiny", True),
        ("http://localhost:8000", "http://localhost:8000", "", True),
        ("https://rewards.lab/a/b/clip", "https://rewards.lab/a/b", "clip", False),
        ("http://10.0.0.7:8000/", "http://10.0.0.7:8000", "", False),
    ],
)
def test_the_last_part_of_the_path_is_the_model(text, url, model, loopback):
    address = parse_address(text)
    assert (address.url, address.model, address.loopback) == (url, model, loopback)


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "grm_tiny", "127.0.0.1:8000/grm_tiny", "ftp://a/b", "http:///grm_tiny"),
        *("http://a:port/b", "http://user:secret@a/b", "http://a/b?token=c"),
    ],
)
def test_what_is_no_address_is_refused_with_an_example(text):
    with pytest.raises(ConfigError, match=r"remote@URL/MODEL .* write for example"):
        parse_address(text)
