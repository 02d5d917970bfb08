"""What schemathesis must be told of the control socket: answers that come line by line, and names of what there is."""

import json
import os

import jsonschema_rs
import requests
import schemathesis

KNOWN = json.loads(os.environ.get("USERSYNCD_KNOWN", "{}"))
LINES = "application/x-ndjson"
# What a paused connector refuses.
RUNS = ("/sync", "/plan", "/apply", "/approve", "/undo")


@schemathesis.deserializer(LINES)
def last_line(context, response):
    """The last event, which says what became of a request; `every_line` looks at the others."""
    return json.loads(response.content.splitlines()[-1])


@schemathesis.check
def every_line(context, response, case):
    """The schema of a stream is that of each of its lines."""
    if LINES not in response.headers.get("content-type", [""])[0]:
        return
    schema = {"$ref": "#/components/schemas/RunEvent", "components": case.operation.schema.raw_schema["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    lines = response.content.splitlines()
    assert lines, "a stream without a line"
    for line in lines:
        validator.validate(json.loads(line))


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """In place of what was made up, what there is."""
    for name, value in KNOWN.items():
        if name in (path_parameters or {}):
            path_parameters[name] = value
    return path_parameters


@schemathesis.hook
def map_query(context, query):
    """The same for the query, where a name is asked for."""
    if query and isinstance(query.get("group"), str):
        query["group"] = KNOWN.get("group", query["group"])
    return query


@schemathesis.hook
def map_body(context, body):
    """The same for bodies; what could not be a login is to stay so."""
    login = body.get("login") if isinstance(body, dict) else None
    if isinstance(login, str) and login.strip() and login.isprintable() and len(login) <= 255:
        body["login"] = KNOWN.get("login", login)
    return body


@schemathesis.hook
def before_call(context, case, kwargs):
    """Earlier requests may have paused the connector."""
    if KNOWN and case.operation.path.endswith(RUNS):
        requests.post(f"{case.operation.base_url}/v1/connectors/acme/resume", timeout=30)
