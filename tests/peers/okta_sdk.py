"""Reads a whole org from the Okta stand-in with Okta's own SDK, and compares it with the truth.

Usage: okta_sdk.py URL TOKEN, with OKTA_TESTING_TESTINGDISABLEHTTPSCHECK=true in the environment, since the SDK wants https
otherwise. The truth comes from the stand-in's admin interface (GET /sandbox/org). Ends with 0 if every id is equal.
"""

import asyncio
import json
import sys
import urllib.request

from okta.client import Client
from okta.pagination import PaginationHelper


async def read_pages(call, *arguments, limit):
    """Calls a list operation page by page; returns its objects and the number of pages."""
    objects, pages, after = [], 0, None
    while True:
        page, response, error = await call(*arguments, after=after, limit=limit)
        if error:
            raise SystemExit(f"the SDK could not read {call.__name__} {arguments} after {after}: {error}")
        objects.extend(page)
        pages += 1
        after = PaginationHelper.extract_next_cursor(response.headers)
        if after is None:
            return objects, pages


def compare(what, seen, true):
    """Ends the program where the SDK saw something else than there is."""
    if len(seen) != len(set(seen)):
        raise SystemExit(f"{what}: the SDK read {len(seen) - len(set(seen))} ids twice")
    if set(seen) != set(true):
        missing, surplus = sorted(set(true) - set(seen))[:5], sorted(set(seen) - set(true))[:5]
        raise SystemExit(f"{what}: {len(seen)} read, {len(true)} there; missing {missing}, surplus {surplus}")


async def main(url, token):
    with urllib.request.urlopen(f"{url}/sandbox/org") as answer:
        truth = json.load(answer)
    client = Client({"orgUrl": url, "token": token})

    users, user_pages = await read_pages(client.list_users, limit=200)
    listed = [user["id"] for user in truth["users"] if user["status"] != "DEPROVISIONED"]
    compare("users", [user.id for user in users], listed)
    logins = {user["id"]: user["login"] for user in truth["users"]}
    for user in users:
        if user.profile.login != logins[user.id]:
            raise SystemExit(f"user {user.id}: login {user.profile.login} read, {logins[user.id]} there")

    everybody, search_pages = await read_pages(search_all(client), limit=200)
    compare("users by search", [user.id for user in everybody], [user["id"] for user in truth["users"]])

    groups, group_pages = await read_pages(client.list_groups, limit=20)
    compare("groups", [group.id for group in groups], [group["id"] for group in truth["groups"]])

    memberships, member_pages = 0, 0
    for group in truth["groups"]:
        members, pages = await read_pages(client.list_group_users, group["id"], limit=100)
        compare(f"members of {group['name']}", [member.id for member in members], group["members"])
        memberships += len(members)
        member_pages += pages

    assigned, app_pages = 0, 0
    for app in truth["apps"]:
        app_users, pages = await read_pages(client.list_application_users, app["id"], limit=100)
        compare(f"users of {app['label']}", [user.id for user in app_users], [user["id"] for user in app["users"]])
        through = {user["id"]: user["through"] for user in app["users"]}
        for user in app_users:
            if (user.scope == "GROUP") != (through[user.id] is not None):
                raise SystemExit(f"user {user.id} of {app['label']}: scope {user.scope}, through {through[user.id]}")
        assigned += len(app_users)
        app_pages += pages
        app_groups, _ = await read_pages(client.list_application_group_assignments, app["id"], limit=20)
        compare(f"groups of {app['label']}", [group.id for group in app_groups], app["groups"])

    owner, _, error = await client.get_user("me")
    if error:
        raise SystemExit(f"the SDK could not read the token's owner: {error}")
    roles, _, error = await client.list_assigned_roles_for_user(owner.id)
    if error or [role.actual_instance.type for role in roles] != ["READ_ONLY_ADMIN"]:
        raise SystemExit(f"the SDK read the roles {roles} of the token's owner: {error}")

    counted = (("users", user_pages), ("search", search_pages), ("groups", group_pages), ("apps", app_pages))
    for what, pages in counted:
        if pages < 2:
            raise SystemExit(f"{what} came in one page: this org is too small to prove anything about paging")
    print(
        f"Okta's SDK read {len(users)} users ({user_pages} pages), {len(everybody)} by search ({search_pages}), "
        f"{len(groups)} groups ({group_pages}), {memberships} memberships ({member_pages}), {assigned} users of "
        f"{len(truth['apps'])} applications ({app_pages}) and the token's role: all as they are"
    )


def search_all(client):
    """List users with a search that finds all, deprovisioned ones too."""

    async def search_users(after, limit):
        return await client.list_users(search="status pr", after=after, limit=limit)

    return search_users


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    asyncio.run(main(sys.argv[1], sys.argv[2]))
