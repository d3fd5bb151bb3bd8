"""Addresses of galleries on a server are printed as they are read, and name only what the server can keep."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placeprint.errors import UsageError
from placeprint.gallery.milvus.address import Address, name_problem, parse_address
from placeprint.gallery.milvus.connection import Connection

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,249}", fullmatch=True)
HOSTS = st.one_of(
    st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z]{2,5})?", fullmatch=True),
    st.ip_addresses(v=4).map(IPv4Address.__str__),
    st.ip_addresses(v=6).map(IPv6Address.__str__),
)
USERS = st.from_regex(r"[A-Za-z0-9_.-]{0,12}", fullmatch=True)


@given(st.builds(Address, host=HOSTS, port=st.integers(1, 65535), name=NAMES, user=USERS, tls=st.booleans()))
def test_an_address_that_is_printed_is_read_as_the_same(address: Address) -> None:
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text", ["milvus://[::1]:19530/x", "milvus+tls://me@[2001:db8::1]:5/x", "milvus://host:19530/x"]
)
def test_an_address_is_printed_as_it_was_given(text: str) -> None:
    assert str(parse_address(text)) == text
    assert parse_address(text).server in text


@given(st.text(max_size=12))
def test_a_name_is_taken_where_the_server_takes_it(name: str) -> None:
    """As `validateCollectionNameOrAlias` of Milvus decides: ASCII alone."""
    plain = re.fullmatch("[abcdefghijklmnopqrstuvwxyz_][abcdefghijklmnopqrstuvwxyz_0123456789]*", name.lower())
    assert (name_problem(name) == "") == (plain is not None and name.isascii())


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a-b", "begins with a letter or _"),
        ("1a", "begins with a letter or _"),
        ("größe", "begins with a letter or _"),
        ("maſs", "begins with a letter or _"),  # matches [a-z] where case is ignored beyond ASCII
        ("a b", "begins with a letter or _"),
        ("a.b", "begins with a letter or _"),
        ("x" * 251, "250 characters at most"),  # its head is kept under five more
    ],
)
def test_a_name_that_the_server_refuses_is_told_at_once(name: str, why: str) -> None:
    with pytest.raises(UsageError, match=f"is not the address of a gallery: .*{why}") as told:
        parse_address(f"milvus://me@host/{name}")
    assert len(str(told.value)) < 400
    assert "me@" not in str(told.value)
    assert parse_address(f"milvus://host/{'x' * 250}").name == "x" * 250


@pytest.mark.parametrize("name", ["my-data", "1", "x" * 256])
def test_a_database_that_the_server_refuses_is_told_before_it_is_asked(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACEPRINT_MILVUS_DATABASE", name)
    with pytest.raises(UsageError, match=f'PLACEPRINT_MILVUS_DATABASE is "{name[:60]}'):
        Connection(parse_address("milvus://127.0.0.1:1/name"))
