"""Lets the PyPI package Crowd (3.1.0) write to the stand-in for Crowd and read it back, and compares.

Usage: crowd_client.py URL APPLICATION PASSWORD, with URL up to the context path (http://127.0.0.1:8095/crowd). It
starts from whatever users and groups there are, as long as none has the names used here, and leaves none. Ends with 0
if everything is as it should be.

What the package reads in one page, whatever the number (get_groups, get_nested_groups, get_nested_group_users, search),
is asked only where one page is enough. send_password_reset_link is left out: no mail leaves a stand-in.
"""

import sys

from crowd import CrowdServer

USERS = ["peer ann", "peer+bob", "peer&cid", "peer/zoë"]
OUTER, INNER = "peer outer, all", "peer inner ☃"


def expect(what, seen, true):
    """Ends the program where the client saw something else than there should be."""
    if seen != true:
        raise SystemExit(f"{what}: {seen!r} instead of {true!r}")


def users(crowd):
    """Creates the users, and changes and reads them in every way there is."""
    for number, name in enumerate(USERS):
        expect(f"{name} before", crowd.user_exists(name), None)
        email = f"peer{number}@example.com"
        details = {"email": email, "first_name": "Peer", "last_name": name, "display_name": f"P {name}"}
        expect(f"add {name}", crowd.add_user(name, password="first", raise_on_error=True, **details), True)
        expect(f"add {name} again", crowd.add_user(name, password="first", **details), False)
        expect(f"{name} after", crowd.user_exists(name), True)
        user = crowd.get_user(name)
        expect(f"{name} as read", {key: user[key.replace("_", "-")] for key in details}, details)
        expect(f"{name} by name", (user["name"], user["active"]), (name, True))
    expect("nobody", crowd.get_user("peer nobody"), None)

    name = USERS[0]
    before = crowd.get_user(name)
    for active in (False, True):
        expect(f"set active {active}", crowd.set_active(name, active), True)
        expect(f"active {active}", crowd.get_user(name), {**before, "active": active})

    for value in ("one", "two & <three>"):
        expect("set attribute", crowd.set_user_attribute(name, "peer id", value, raise_on_error=True), True)
        attributes = crowd.get_user(name)["attributes"]["attributes"]
        expect("attributes", [(it["name"], it["values"]) for it in attributes], [("peer id", [value])])

    expect("right password", crowd.auth_user(name, "first")["name"], name)
    expect("change password", crowd.change_password(name, "second", raise_on_error=True), True)
    expect("old password", crowd.auth_user(name, "first"), None)
    expect("new password", crowd.auth_user(name, "second")["email"], "peer0@example.com")


def groups(crowd):
    """Creates two groups, one in the other, and puts users into them."""
    for name in (OUTER, INNER):
        expect(f"create {name}", crowd.create_group(name, description="made by a peer"), None)
        if not crowd.create_group(name):
            raise SystemExit(f"{name} could be created twice")
    expect("update group", crowd.update_group(OUTER, {"description": "changed", "active": True}), None)
    found = crowd.search("group", "name", OUTER)["groups"]
    expect("updated group", [(it["name"], it["description"]) for it in found], [(OUTER, "changed")])

    expect("add child", crowd.add_child_group(INNER, OUTER), None)
    if not crowd.add_child_group(OUTER, INNER):
        raise SystemExit("two groups could be put into each other")
    for name, group in ((USERS[0], OUTER), (USERS[1], INNER), (USERS[2], INNER), (USERS[3], INNER)):
        expect(f"{name} into {group}", crowd.add_user_to_group(name, group, raise_on_error=True), True)
    expect("again", crowd.add_user_to_group(USERS[0], OUTER), False)
    expect("out", crowd.remove_user_from_group(USERS[3], INNER, raise_on_error=True), True)
    expect("out again", crowd.remove_user_from_group(USERS[3], INNER), False)

    expect("direct groups", crowd.get_groups(USERS[1]), [INNER])
    expect("nested groups", sorted(crowd.get_nested_groups(USERS[1])), [INNER, OUTER])
    expect("no groups", crowd.get_groups(USERS[3]), [])
    expect("nested members", sorted(crowd.get_nested_group_users(OUTER)), sorted(USERS[:3]))
    expect("members of no group", crowd.get_nested_group_users("peer nothing"), None)
    memberships = crowd.get_memberships()
    expect("outer", memberships[OUTER], {"users": [USERS[0]], "groups": [INNER]})
    expect("inner", memberships[INNER], {"users": USERS[1:3], "groups": []})

    expect("remove child", crowd.remove_child_group(INNER, OUTER), None)
    expect("without the child", crowd.get_nested_group_users(OUTER), [USERS[0]])


def searches(crowd):
    """Searches with a restriction in XML, for an answer in JSON, page by page."""
    expect("by name", [it["name"] for it in crowd.search("user", "name", "PEER")["users"]], USERS)
    found = crowd.search("user", "email", "peer2@")["users"]
    expect("by e-mail", [it["email"] for it in found], ["peer2@example.com"])
    expect("none", crowd.search("user", "name", "<peer>")["users"], [])
    pages = [crowd.search("user", "name", "peer", start, 3)["users"] for start in (0, 3, 4)]
    expect("pages", [[it["name"] for it in page] for page in pages], [USERS[:3], USERS[3:], []])


def sessions(crowd):
    """Signs a user in for all applications."""
    session = crowd.get_session(USERS[0], "second")
    expect("user of the session", session["user"]["display-name"], f"P {USERS[0]}")
    expect("wrong password", crowd.get_session(USERS[0], "first"), None)
    expect("session", crowd.validate_session(session["token"])["user"]["name"], USERS[0])
    expect("end of the session", crowd.terminate_session(session["token"]), True)
    expect("ended session", crowd.validate_session(session["token"]), None)
    expect("cookie", sorted(crowd.get_cookie_conf()), ["domain", "name", "secure"])


def remove(crowd):
    """Removes what was made. The package has no call that deletes a user: its own session does."""
    for name in (OUTER, INNER):
        expect(f"remove {name}", crowd.remove_group(name), None)
        if not crowd.remove_group(name):
            raise SystemExit(f"{name} could be removed twice")
    for name in USERS:
        answer = crowd.session.delete(crowd.rest_url + "/user", params={"username": name})
        expect(f"delete {name}", (answer.status_code, crowd.user_exists(name)), (204, None))


def main(url, application, password):
    crowd = CrowdServer(url, application, password)
    expect("ping", crowd.auth_ping(), True)
    expect("ping with a wrong password", CrowdServer(url, application, password + "x").auth_ping(), False)
    expect("read with a wrong password", CrowdServer(url, application, password + "x").user_exists(USERS[0]), None)
    for part in (users, groups, searches, sessions, remove):
        part(crowd)
    print("the package Crowd wrote and read users, groups, memberships, searches and sessions: all as they should be")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
