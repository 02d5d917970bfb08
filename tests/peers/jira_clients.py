"""Keeps users and groups with two Jira clients that others wrote: what one writes, the other must read.

Usage: jira_clients.py URL USERNAME PASSWORD TOKEN, of an administrator of a Jira (or of the stand-in, which has to be
without groups and to send no mail). The clients are `jira` and `atlassian-python-api`. Ends with 0 if all is read as it
was written.

Not called: `jira.JIRA.deactivate_user`, which fills in a form of the administration pages instead of using the API, and on
Jira 11 `jira.JIRA.group_members`, which reads `GET group`, gone there.
"""

import sys

import atlassian
import jira
import requests

ODD_NAMES = ["with space", "a+b", "this & that", "x,y", "up/down", "züri"]


def equal(what, seen, expected):
    """Ends the program where something else was read than had been written."""
    if seen != expected:
        raise SystemExit(f"{what}: {seen!r} read, {expected!r} expected")


def refused(what, status, call, *arguments, **keywords):
    """Calls what must be refused with this status; returns the text of the error."""
    try:
        answer = call(*arguments, **keywords)
    except jira.JIRAError as error:
        equal(what, error.status_code, status)
        return error.text
    except requests.HTTPError as error:
        equal(what, error.response.status_code, status)
        return str(error)
    raise SystemExit(f"{what}: {answer!r} answered, {status} expected")


def members(client, group, inactive=False):
    """The names of all members of a group, page by page."""
    names, start = [], 0
    while True:
        page = client.get_all_users_from_group(group, include_inactive_users=inactive, start=start, limit=1000)
        names += [user["name"] for user in page["values"]]
        start += len(page["values"])
        if page["isLast"]:
            equal(f"total of {group}", len(names), page["total"])
            return names


def users(one, other):
    """Creates, reads, finds, changes, deactivates, renames and deletes users."""
    equal("add_user", one.add_user("fred", "fred@example.com", fullname="Fred First", application_keys=[]), True)
    other.user_create("wilma", "wilma@example.com", "Wilma Second", password="long-secret", notification=False)
    equal("added by jira", other.user("fred")["displayName"], "Fred First")
    seen = one.user("wilma")
    equal("added by atlassian", (seen.displayName, seen.emailAddress, seen.active),
          ("Wilma Second", "wilma@example.com", True))
    key = other.user("fred")["key"]
    equal("user by key", other.user(key=key)["name"], "fred")

    equal("ignore_existing", one.add_user("fred", "x@example.com", ignore_existing=True), True)
    refused("add_user again", 400, one.add_user, "fred", "x@example.com")
    text = refused("user_create again", 400, other.user_create, "WILMA", "x@example.com", "X", notification=False)
    equal("its text", "A user with that username already exists." in text, True)
    refused("unknown user", 404, one.user, "nobody")
    refused("unknown user", 404, other.user, "nobody")

    for text in ["fred", "FRED@", "first"]:
        equal(f"search_users {text}", [user.name for user in one.search_users(text)], ["fred"])
        equal(f"user_find_by_user_string {text}",
              [user["name"] for user in other.user_find_by_user_string(username=text)], ["fred"])
    equal("search_users .", {"fred", "wilma"} <= {user.name for user in one.search_users(".")}, True)

    other.user_update("fred", {"displayName": "Fred Third"})
    other.user_update_email("fred", "third@example.com")
    seen = one.user("fred", expand="groups")
    equal("user_update", (seen.displayName, seen.emailAddress), ("Fred Third", "third@example.com"))
    equal("groups", seen.groups.items, [])

    other.user_deactivate("wilma")
    equal("is_active_user", (other.is_active_user("wilma"), one.user("wilma").active), (False, False))
    equal("hidden", [user.name for user in one.search_users("wilma")], [])
    equal("shown", [user.name for user in one.search_users("wilma", includeInactive=True)], ["wilma"])
    found = other.user_find_by_user_string(username="wilma", include_inactive_users=True, include_active_users=False)
    equal("shown alone", [user["name"] for user in found], ["wilma"])
    other.user_update("wilma", {"active": True})
    equal("active again", one.user("wilma").active, True)

    one.rename_user("fred", "freddy")
    equal("rename_user", other.user("freddy")["key"], key)
    other.user_update_username("freddy", "fred")
    equal("user_update_username", one.user("fred").key, key)

    equal("delete_user", one.delete_user("fred"), True)
    other.user_remove("wilma")
    for name in ["fred", "wilma"]:
        refused("deleted", 404, one.user, name)


def groups(one, other):
    """Creates groups, fills and empties them, and deletes them."""
    equal("add_group", one.add_group("staff"), True)
    equal("create_group", other.create_group("guests")["name"], "guests")
    refused("add_group again", 400, one.add_group, "Staff")
    refused("create_group again", 400, other.create_group, "guests")
    equal("groups", one.groups(), ["guests", "staff"])
    equal("get_groups", [group["name"] for group in other.get_groups(query="TAF")["groups"]], ["staff"])

    names = sorted(f"member{number:02}" for number in range(60))
    for name in names:
        one.add_user(name, f"{name}@example.com", application_keys=[])
        equal("add_user_to_group", one.add_user_to_group(name, "staff")["name"], "staff")
    equal("members", members(other, "staff"), names)
    if one.server_info()["versionNumbers"][0] < 11:
        equal("group_members", list(one.group_members("staff")), names)
    refused("already a member", 400, other.add_user_to_group, names[0], "staff")
    refused("unknown member", 404, one.add_user_to_group, "nobody", "staff")
    refused("unknown group", 404, other.add_user_to_group, names[0], "nobody")

    other.user_deactivate(names[1])
    equal("active members", members(other, "staff"), names[:1] + names[2:])
    equal("all members", members(other, "staff", inactive=True), names)

    equal("remove_user_from_group", one.remove_user_from_group(names[0], "staff"), True)
    other.remove_user_from_group(names[2], "staff")
    equal("removed", members(other, "staff"), names[3:])
    refused("no member", 400, one.remove_user_from_group, names[0], "staff")
    refused("unknown group", 404, other.remove_user_from_group, names[0], "nobody")

    equal("remove_group", one.remove_group("staff"), True)
    other.remove_group("guests")
    refused("removed", 404, other.remove_group, "staff")
    equal("no groups", one.groups(), [])
    for name in names:
        equal("delete_user", one.delete_user(name), True)


def odd_names(one, other):
    """Names that have to be encoded; left to `requests`, since some calls put them into the address as they are."""
    for name in ODD_NAMES:
        one.add_user(name, "odd@example.com", fullname=name, application_keys=[])
        equal(f"user {name}", other.user(name)["name"], name)
        other.create_group(name)
        equal("add_user_to_group", one.add_user_to_group(name, name)["name"], name)
        equal(f"members of {name}", members(other, name), [name])
        other.remove_user_from_group(name, name)
        equal(f"members of {name}", members(other, name), [])
        one.remove_group(name)
        other.user_remove(name)
        refused("deleted", 404, one.user, name)


def main(url, username, password, token):
    clients = [
        (jira.JIRA(url, basic_auth=(username, password)), atlassian.Jira(url, token=token)),
        (jira.JIRA(url, token_auth=token), atlassian.Jira(url, username=username, password=password)),
    ]
    for one, other in clients:
        equal("myself", (one.myself()["name"], other.myself()["name"]), (username, username))
        equal("server info", other.get_server_info()["versionNumbers"], one.server_info()["versionNumbers"])
        for part in (users, groups, odd_names):
            part(one, other)
    refused("wrong token", 401, atlassian.Jira(url, token="wrong").myself)
    wrong = jira.JIRA(url, basic_auth=(username, "wrong"), get_server_info=False, max_retries=0)
    refused("wrong password", 401, wrong.myself)
    version = clients[0][0].server_info()["version"]
    print(f"jira {jira.__version__} and atlassian-python-api kept users and groups of Jira {version}: all as written")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
