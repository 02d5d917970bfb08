"""Lets a client that others wrote (PyPI: atlassian-python-api) work with the Bitbucket stand-in.

Usage: bitbucket_client.py URL USERNAME PASSWORD [TOKEN]. The account has to be an administrator. Users and groups are
made, read, changed and removed; what was there before stays. Ends with 0 if the client reads everything as it was written.
Calls that the client has no method for are sent through its own plain requests, to the paths that are documented.
"""

import sys

from atlassian import Bitbucket
from requests import HTTPError

MANY = 55  # the client's lists ask for 25 at once
GROUP = "Peers of r&d, größer/odd + more"
ADMIN = "rest/api/1.0/admin"


def equal(what, seen, expected):
    """Ends the program where the client saw something else than was written."""
    if seen != expected:
        raise SystemExit(f"{what}: the client read {seen!r}, expected is {expected!r}")


def refused(what, status, call):
    """Ends the program unless the call is refused with this status; returns what the server said."""
    try:
        call()
    except HTTPError as error:
        equal(what, error.response.status_code, status)
        return str(error)
    raise SystemExit(f"{what} was not refused")


def make_users(client, names):
    """Creates users by the query; reads them as a list, by filter, and with the pages one by one."""
    before = [user["name"] for user in client.get_users_info()]
    for name in names:
        parameters = {
            "name": name,
            "emailAddress": f"{name}@example.com",
            "displayName": f"Peer {name}",
            "password": "a-long-one",
            "addToDefaultGroup": "false",
        }
        equal(f"the body after {name} was made", client.post(f"{ADMIN}/users", params=parameters), None)
    refused("a second user of that name", 409, lambda: client.post(f"{ADMIN}/users", params=parameters))
    equal("users", [user["name"] for user in client.get_users_info()], before + names)
    equal("users, five at once", [user["name"] for user in client.get_users_info(limit=5)], before + names)
    for user in client.get_users_info(user_filter="Peer peer"):
        name = user["name"]
        seen = (user["emailAddress"], user["displayName"], user["active"], user["mutableGroups"])
        equal(name, seen, (f"{name}@example.com", f"Peer {name}", True, True))
    page = client.get_users(user_filter=names[0], limit=1)
    equal("a page of users", (page["size"], page["values"][0]["name"]), (1, names[0]))
    slug = page["values"][0]["slug"]
    equal("a user by slug", client.get(f"rest/api/1.0/users/{slug}")["name"], names[0])


def check_changes(client, name):
    """Changes details, name and password."""
    change = {"name": name, "displayName": "Another Name", "email": "another@example.com"}
    client.put(f"{ADMIN}/users", data=change)
    user = next(client.get_users_info(user_filter=name))
    equal("what was changed", (user["displayName"], user["emailAddress"]), ("Another Name", "another@example.com"))
    said = refused("disabling", 400, lambda: client.put(f"{ADMIN}/users", data={**change, "active": False}))
    equal("why it cannot be disabled", said.startswith('Unrecognized field "active" (Class '), True)
    for old, new in ((name, "renamed " + name), ("renamed " + name, name)):
        renamed = client.post(f"{ADMIN}/users/rename", data={"name": old, "newName": new})
        equal("the new name", (renamed["name"], renamed["id"]), (new, user["id"]))
    password = {"name": name, "password": "another-long-one", "passwordConfirm": "another-long-one"}
    equal("the body after a password was set", client.put(f"{ADMIN}/users/credentials", data=password), None)


def check_groups(client, names):
    """Makes a group, fills and empties it, removes it."""
    before = list(client.get_groups(limit=5))
    made = client.post(f"{ADMIN}/groups", params={"name": GROUP})
    equal("the new group", made, {"name": GROUP, "deletable": True})
    equal("groups", list(client.get_groups(limit=5)), before + [GROUP])
    equal("groups found", list(client.get_groups(group_filter=GROUP)), [GROUP])

    client.post(f"{ADMIN}/groups/add-users", data={"group": GROUP, "users": names[1:]})
    client.post(f"{ADMIN}/users/add-groups", data={"user": names[0], "groups": [GROUP]})
    spoilt = {"group": GROUP, "users": [names[0], "nobody at all"]}
    refused("an unknown user", 404, lambda: client.post(f"{ADMIN}/groups/add-users", data=spoilt))
    equal("members", sorted(user["name"] for user in client.group_members(GROUP)), sorted(names))
    equal("members, ten at once", len(list(client.group_members(GROUP, limit=10))), len(names))
    of_user = client.get(f"{ADMIN}/users/more-members", params={"context": names[0]})["values"]
    equal("groups of a user", of_user, [{"name": GROUP, "deletable": True}])

    swapped = {"context": GROUP, "itemName": names[0]}
    refused("swapped names", 404, lambda: client.post(f"{ADMIN}/users/remove-group", data=swapped))
    client.post(f"{ADMIN}/users/remove-group", data={"context": names[0], "itemName": GROUP})
    client.post(f"{ADMIN}/groups/remove-user", data={"context": GROUP, "itemName": names[1]})
    equal("members left", sorted(user["name"] for user in client.group_members(GROUP)), sorted(names[2:]))
    equal("the group removed", client.delete(f"{ADMIN}/groups", params={"name": GROUP})["name"], GROUP)
    refused("a group removed twice", 404, lambda: client.delete(f"{ADMIN}/groups", params={"name": GROUP}))


def main(url, username, password, token=None):
    client = Bitbucket(url=url, username=username, password=password)
    if token:
        by_token = Bitbucket(url=url, token=token)
        equal("users by token", "values" in by_token.get_users(), True)
        refused("administration by token", 401, lambda: list(by_token.get_users_info()))
    stranger = Bitbucket(url=url, username=username, password=password + "x")
    refused("a wrong password", 401, lambda: list(stranger.get_groups()))

    names = [f"peer{number:03}&ö" for number in range(MANY)]
    make_users(client, names)
    check_changes(client, names[-1])
    check_groups(client, names)
    for name in names:
        equal("the user removed", client.delete(f"{ADMIN}/users", params={"name": name})["name"], name)
    equal("users left", list(client.get_users_info(user_filter="Peer peer")), [])
    print(f"atlassian-python-api wrote and read {len(names)} users, a group and its members as they are")


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
