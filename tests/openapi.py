"""A description of an API (OpenAPI 3.0): what is wrong with it, and whether an answer is as it says.

The language's own schema comes from Debian's openapi-specification, the validator is
python3-jsonschema."""

import json
import os
import re

import jsonschema

from checks import Failure, check

LANGUAGE = "/usr/share/openapi-specification/schemas/v3.0/schema.json"
METHODS = ("get", "post", "put", "patch", "delete")
# What may come of any request, and stands under "default".
ANY_REQUEST = {400, 405, 413, 429, 431, 500, 503, 507}


def is_installed():
    return os.path.exists(LANGUAGE)


def walk(value, path=""):
    """Every object in a tree, with its JSON pointer."""
    if isinstance(value, dict):
        yield path, value
        for name, child in value.items():
            yield from walk(child, "%s/%s" % (path, name.replace("~", "~0").replace("/", "~1")))
    elif isinstance(value, list):
        for i, child in enumerate(value):
            yield from walk(child, "%s/%d" % (path, i))


def strict(schema):
    """The same in the language of JSON Schema; objects have no members but those that are said to be
    there."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: ({member: strict(one) for member, one in value.items()} if name == "properties"
                   else value if name in ("enum", "required", "example", "default") else strict(value))
            for name, value in schema.items()}
    if made.pop("nullable", False):
        made["type"] = [made["type"], "null"]
    if "properties" in made:
        made.setdefault("additionalProperties", False)
    return made


def values(kind, body):
    """What a schema is of: all of a body, or each of its lines."""
    if kind == "application/x-ndjson":
        return [json.loads(line) for line in body.splitlines()]
    return [json.loads(body) if kind == "application/json" else body]


class Description:
    def __init__(self, document):
        self.document = document
        self.schemas = strict(document["components"]["schemas"])

    def find(self, value):
        """What a $ref stands for; anything else is itself."""
        while "$ref" in value:
            at = self.document
            for step in value["$ref"].lstrip("#/").split("/"):
                check(step in at, value["$ref"], "leads nowhere")
                at = at[step]
            value = at
        return value

    def operations(self):
        """Each as path, method, operation, and parameters by name."""
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    parameters = [self.find(one) for one in
                                  item.get("parameters", []) + item[method].get("parameters", [])]
                    yield path, method, item[method], {one["name"]: one for one in parameters}

    def wrong(self, schema, value):
        """What is wrong with a value, or None."""
        whole = {**strict(schema), "components": {"schemas": self.schemas}}
        error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(whole).iter_errors(value))
        return error and "%s: %s" % ("/".join(map(str, error.absolute_path)), error.message)

    # ---- the description itself ----

    def lint(self):
        with open(LANGUAGE, encoding="utf-8") as file:
            language = json.load(file)
        error = jsonschema.exceptions.best_match(jsonschema.Draft4Validator(language).iter_errors(self.document))
        check(not error, error and "%s: %s" % ("/".join(map(str, error.absolute_path)), error.message))
        self.lint_references()
        self.lint_operations()
        self.lint_schemas()

    def lint_references(self):
        used = set()
        for _, value in walk(self.document):
            if isinstance(value.get("$ref"), str):
                self.find(value)
                used.add(value["$ref"])
        for kind, components in self.document["components"].items():
            for name in components:
                check(kind == "securitySchemes" or "#/components/%s/%s" % (kind, name) in used,
                      kind, name, "is used nowhere")

    def lint_operations(self):
        ids, tags = [], set()
        for path, method, operation, parameters in self.operations():
            where = "%s %s:" % (method.upper(), path)
            ids.append(operation["operationId"])
            tags |= set(operation["tags"])
            check(operation.get("summary"), where, "no summary")
            check({"401", "default"} <= set(operation["responses"]), where, "401 or default is missing")
            names = re.findall(r"\{([^}]*)\}", path)
            check(sorted(names) == sorted(n for n, p in parameters.items() if p["in"] == "path"),
                  where, "other parameters than in the path")
            check((method in ("post", "put", "patch")) or "requestBody" not in operation, where, "a body")
            for parameter in parameters.values():
                if "example" in parameter:
                    self.lint_example(where, parameter["schema"], parameter["example"])
        check(len(ids) == len(set(ids)), "an operationId is there twice")
        check(tags == {tag["name"] for tag in self.document["tags"]}, "tags that are not declared, or not used")

    def lint_example(self, where, schema, example):
        wrong = self.wrong(schema, example)
        check(not wrong, where, "the example does not fit:", wrong)

    def lint_schemas(self):
        for where, schema in walk(self.document["components"]["schemas"]):
            if not isinstance(schema.get("type"), str) or "/example" in where:
                continue
            jsonschema.Draft202012Validator.check_schema(strict(schema))
            check(set(schema.get("required", [])) <= set(schema.get("properties", [])), where,
                  "requires what it does not have")
            for name in "example", "default":
                if name in schema:
                    self.lint_example(where, schema, schema[name])

    # ---- answers ----

    def check_answer(self, path, method, answer):
        """answer: status, headers (lower case) and body. Gives the status under which it is described."""
        status, headers, body = answer
        item = self.document["paths"][path][method]
        where = "%s %s: %d:" % (method.upper(), path, status)
        described = str(status) if str(status) in item["responses"] else "default"
        check(described != "default" or status in ANY_REQUEST, where, "is not described", body[:300])
        response = self.find(item["responses"][described])
        kind = headers.get("content-type", "").split(";")[0]
        if "content" not in response:
            check(not body and not kind, where, "a body that is not described", body[:300])
            return described
        check(kind in response["content"], where, kind, "is not described")
        schema = response["content"][kind]["schema"]
        for value in values(kind, body):
            wrong = self.wrong(schema, value)
            if wrong:
                raise Failure("%s %s: %s" % (where, wrong, body[:600]))
        return described
