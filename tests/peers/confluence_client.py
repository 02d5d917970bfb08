"""Lets a client that others wrote (PyPI: atlassian-python-api) work with the Confluence stand-in.

Usage: confluence_client.py URL USERNAME PASSWORD [TOKEN]. The account has to be an administrator. Users and groups are
made, read, changed and removed; what was there before stays. Ends with 0 if the client reads everything as it was written.
Calls that the client has no method for are sent through its own plain requests, to the paths that are documented.
Its add_user and change_user_password (JSON-RPC), add_user_to_group and remove_user_from_group (group/{name}/member)
are not in the documentation of Confluence Data Center: the stand-in has to refuse them.
"""

import sys
from urllib.parse import quote

from atlassian import Confluence
from atlassian.errors import ApiError, ApiNotFoundError
from requests import HTTPError

MANY = 55  # get_all_members asks for 50 at once
GROUP = "Peers of r&d, größer + odd"


def equal(what, seen, expected):
    """Ends the program where the client saw something else than was written."""
    if seen != expected:
        raise SystemExit(f"{what}: the client read {seen!r}, expected is {expected!r}")


def refused(what, status, call, *arguments):
    """Ends the program unless the call is refused with this status."""
    try:
        call(*arguments)
    except (ApiError, HTTPError) as error:
        response = getattr(error, "response", None)
        if response is None:
            response = error.reason.response
        equal(what, response.status_code, status)
    else:
        raise SystemExit(f"{what} was not refused")


def make_users(client, names):
    """Creates users; returns their keys by name."""
    keys = {}
    for name in names:
        body = {"userName": name, "fullName": f"Peer {name}", "email": f"{name}@example.com", "password": "long-one"}
        keys[name] = client.post("rest/api/admin/user", data=body)["userKey"]
    refused("a second user of that name", 409, lambda: client.post("rest/api/admin/user", data=body))
    return keys


def check_users(client, keys):
    """Reads users one by one and as a list."""
    for name, key in keys.items():
        user = client.get_user_details_by_username(name, expand="status")
        equal(name, (user["userKey"], user["displayName"], user["status"]), (key, f"Peer {name}", "current"))
        equal(f"{name} by key", client.get_user_details_by_userkey(key)["username"], name)
        if "email" in user:
            raise SystemExit(f"{name}: an e-mail address is shown")
    listed = [user["username"] for user in client._get_paged("rest/api/user/list", params={"limit": 20})]
    equal("users listed twice", len(listed), len(set(listed)))
    equal("users listed", set(listed) & set(keys), set(keys))


def check_changes(client, name):
    """Renames, disables, enables."""
    path = f"rest/api/admin/user/{quote(name, safe='')}"
    client.put(path, data={"fullName": "Another Name", "email": "another@example.com"})
    equal("the new name", client.get_user_details_by_username(name)["displayName"], "Another Name")
    for action, status in (("disable", "deactivated"), ("disable", "deactivated"), ("enable", "current")):
        client.put(f"{path}/{action}")
        equal(action, client.get_user_details_by_username(name, expand="status")["status"], status)
    client.post(f"{path}/password", data={"password": "another-long-one"})


def check_groups(client, names):
    """Makes a group, fills and empties it, removes it."""
    coded = quote(GROUP, safe="")
    before = {group["name"] for group in client._get_paged("rest/api/group", params={"limit": 5})}
    equal("the new group", client.create_group(GROUP)["name"], GROUP)
    refused("a second group of that name", 409, client.create_group, GROUP)
    listed = {group["name"] for group in client._get_paged("rest/api/group", params={"limit": 5})}
    equal("groups", listed, before | {GROUP})
    page = {group["name"] for group in client.get_all_groups(limit=len(listed))}
    equal("groups as one page", page <= listed, True)

    for name in names:
        client.put(f"rest/api/user/{quote(name, safe='')}/group/{coded}")
    client.put(f"rest/api/user/{quote(names[0], safe='')}/group/{coded}")
    members = [member["username"] for member in client.get_all_members(coded)]
    equal("members", sorted(members), sorted(names))
    first = client.get_group_members(coded, start=1, limit=2, expand="status")
    equal("a page of members", (first["size"], first["start"], first["results"][0]["status"]), (2, 1, "current"))
    of_user = client.get("rest/api/user/memberof", params={"username": names[0]})["results"]
    equal("groups of a user", GROUP in [group["name"] for group in of_user], True)
    for _ in range(2):
        client.delete(f"rest/api/user/{quote(names[0], safe='')}/group/{coded}")
    equal("members left", len(client.get_all_members(coded)), len(names) - 1)

    refused("a member added by an unpublished call", 404, client.add_user_to_group, coded, names[0])
    refused("a member removed by an unpublished call", 404, client.remove_user_from_group, coded, names[1])
    client.remove_group(coded)
    refused("a group removed twice", 404, client.remove_group, coded)


def check_deletion(client, names):
    """Deletes users, and waits for each as long as its task takes."""
    for name in names:
        task = client.delete(f"rest/api/admin/user/{quote(name, safe='')}")
        for _ in range(100):
            if client.get(task["links"]["status"])["successful"]:
                break
        else:
            raise SystemExit(f"{name}: the deletion does not end")
        try:
            client.get_user_details_by_username(name)
        except ApiNotFoundError:
            continue
        raise SystemExit(f"{name}: still there after the deletion")


def main(url, username, password, token=None):
    client = Confluence(url=url, username=username, password=password)
    equal("the account", client.get_current_user()["username"], username)
    if token:
        equal("the token's owner", Confluence(url=url, token=token).get_current_user()["username"], username)
    stranger = Confluence(url=url, username=username, password=password + "x")
    refused("a wrong password", 401, stranger.get_all_groups)
    refused("a user by JSON-RPC", 404, client.add_user, "a@example.com", "A", "a", "p")

    keys = make_users(client, [f"peer{number:03}&ö" for number in range(MANY)])
    names = list(keys)
    check_users(client, keys)
    check_changes(client, names[-1])
    check_groups(client, names)
    check_deletion(client, names)
    print(f"atlassian-python-api wrote and read {len(names)} users, a group and its members as they are")


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
