"""root 替别人提交之前登记那个人。"""

from __future__ import annotations

import pwd

import pytest

from tests.integration.rounds import result, run

NOBODY = pwd.getpwnam("nobody")


def test_operator_enrols_an_existing_user_once(scheduler, ask, cursor):
    for _ in range(2):
        request = ask("enrol", {"uid": NOBODY.pw_uid})
        run(scheduler)
        assert result(cursor, request) == [None]
    cursor.execute("SELECT role, gid FROM scns.os_user WHERE uid = %s", (NOBODY.pw_uid,))
    assert cursor.fetchall() == [("u:nobody", NOBODY.pw_gid)]
    cursor.execute("SELECT pg_has_role('u:nobody', 'scns_admin', 'MEMBER')")
    assert cursor.fetchone() == (False,)


def test_uid_without_an_account_is_refused(scheduler, ask, cursor):
    request = ask("enrol", {"uid": 987654})
    run(scheduler)
    assert result(cursor, request) == [{"error": "Invalid user id"}]


@pytest.mark.usefixtures("site")
def test_ordinary_users_enrol_nobody(scheduler, ask, cursor):
    request = ask("enrol", {"uid": NOBODY.pw_uid}, user="u:alice")
    run(scheduler)
    assert result(cursor, request) == [{"error": "Access/permission denied"}]
