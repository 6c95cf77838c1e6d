"""角色名：一个用户名一个角色，截断不了，编码得了。"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.db.roles import NAME_LIMIT, role_name
from scns.errors import RequestRefused


@pytest.mark.parametrize("name", ["alice", "postgres", "scns", "pg_monitor", "CORP\\dave", "名字"])
def test_role_is_the_name_with_a_prefix(name):
    assert role_name(name) == "u:" + name


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_two_users_never_share_a_role(one, other):
    roles = []
    for name in (one, other):
        try:
            roles.append(role_name(name))
        except RequestRefused:
            return
    assert (roles[0] == roles[1]) == (one == other)
    assert all(len(role.encode()) <= NAME_LIMIT for role in roles)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("x" * 62, "is longer than 61 bytes and cannot be enrolled"),
        ("é" * 31, "is longer than 61 bytes and cannot be enrolled"),
        ("bad\udce9", r"User name 'bad\\udce9' is not valid UTF-8"),
        ("", "User name is empty"),
        ("nul\0", "User name 'nul\\\\x00' contains a NUL"),
    ],
)
def test_name_that_cannot_be_a_role_is_refused(name, sentence):
    with pytest.raises(RequestRefused, match=sentence):
        role_name(name)


@pytest.mark.parametrize("name", ["x" * 61, "é" * 30])
def test_longest_name_is_accepted(name):
    assert role_name(name).endswith(name)
