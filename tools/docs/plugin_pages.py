# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of modules, filters and roles."""

from __future__ import annotations

import json
import typing as t

import ansible_doc
import paths
from markup import Text, code, escape, fenced, table, value

Option = t.Mapping[str, t.Any]


def pages() -> t.Dict[str, str]:
    """Every page, by its path below the reference."""
    made = {}
    for kind, documents in ansible_doc.dump().items():
        for name, document in documents.items():
            page = f"{kind}s/{name}.md"
            if kind == "role":
                made[page] = _role(page, name, document)
            else:
                made[page] = _plugin(page, kind, document)
    return made


def summaries(kind: str) -> t.Dict[str, str]:
    """The short description of every plugin of a kind, as Markdown for the index."""
    text = Text("README.md")
    return {
        name: text(_short(document)) for name, document in ansible_doc.dump().get(kind, {}).items()
    }


def _short(document: Option) -> str:
    if "entry_points" in document:
        return str(document["entry_points"]["main"]["short_description"])
    return str(document["doc"]["short_description"])


def _plugin(page: str, kind: str, document: Option) -> str:
    doc, text = document["doc"], Text(page)
    parts = [f"# {paths.NAMESPACE}.{doc.get('module') or doc.get('name')}\n"]
    parts.append(f"{text(doc['short_description'])}.\n")
    parts.append(text(doc["description"], separator="\n\n") + "\n")
    parts += _needs(doc, text)
    if kind == "filter":
        parts.append(_use(doc))
    parts += _options("Options", doc.get("options") or {}, text)
    parts += _attributes(doc.get("attributes") or {}, text)
    if document.get("examples"):
        parts.append("## Examples\n")
        parts.append(fenced(document["examples"], "yaml"))
    parts += _returns(document.get("return") or {}, text)
    parts += _see_also(doc.get("seealso") or [], text)
    return "\n".join(parts)


def _role(page: str, name: str, document: Option) -> str:
    text = Text(page)
    points: t.Mapping[str, Option] = document["entry_points"]
    order = sorted(points, key=lambda one: (one != "main", one))
    parts = [f"# Role {paths.NAMESPACE}.{name}\n", f"{text(_short(document))}.\n"]
    for one in order:
        point = points[one]
        title = "Entry point main" if one == "main" else f"Entry point {one}"
        parts.append(f"## {title}\n")
        if one != "main":
            parts.append(f"{text(point['short_description'])}.\n")
            parts.append(f"Called with {code(f'tasks_from: {one}')}.\n")
        if point.get("description"):
            parts.append(text(point["description"], separator="\n\n") + "\n")
        options = point.get("options") or {}
        main = points["main"].get("options") or {}
        if one != "main" and main and all(options.get(name) == main[name] for name in main):
            parts.append(f"It takes the options of {code('main')}, and:\n")
            options = {name: options[name] for name in options if name not in main}
        parts += _options(None, options, text)
    return "\n".join(parts)


def _needs(doc: Option, text: Text) -> t.List[str]:
    parts = []
    if doc.get("requirements"):
        parts.append("Needs:\n")
        parts.append("".join(f"* {text(one)}\n" for one in doc["requirements"]))
    if doc.get("notes"):
        parts.append("".join(f"* {text(one)}\n" for one in doc["notes"]))
    if doc.get("deprecated"):
        parts.append(f"**Deprecated.** {text(doc['deprecated'].get('why', ''))}\n")
    return parts


def _use(doc: Option) -> str:
    positional = doc.get("positional") or []
    names = positional.split(", ") if isinstance(positional, str) else positional
    arguments = ", ".join(names)
    return (
        f"Written as {code('input | ' + paths.NAMESPACE + '.' + doc['name'] + f'({arguments})')}.\n"
    )


def _options(title: t.Optional[str], options: t.Mapping[str, Option], text: Text) -> t.List[str]:
    if not options:
        return []
    rows = list(option_rows(options, text))
    parts = [f"## {title}\n"] if title else []
    return [*parts, table(["option", "type", "default", "what it says"], rows)]


def option_rows(
    options: t.Mapping[str, Option], text: Text, *, above: str = ""
) -> t.Iterator[t.Sequence[str]]:
    """One row an option, what it holds right below it."""
    order = sorted(options, key=lambda name: (not options[name].get("required"), name))
    for name in order:
        option = options[name]
        shown = "input" if name == "_input" else f"{above}{name}"
        yield [code(shown), _type(option), _default(option), _description(option, text)]
        inner = option.get("suboptions") or (
            option.get("options") if isinstance(option.get("options"), dict) else None
        )
        if inner:
            list_of = "[]" if option.get("type") == "list" else ""
            yield from option_rows(inner, text, above=f"{shown}{list_of}.")


def _type(option: Option) -> str:
    kind = str(option.get("type", "str"))
    return f"{kind} of {option['elements']}" if option.get("elements") else kind


def _default(option: Option) -> str:
    if option.get("required"):
        return "**required**"
    found = option.get("default")
    return "" if found is None else value(found)


def _description(option: Option, text: Text) -> str:
    said = text(option.get("description"))
    choices = option.get("choices")
    if isinstance(choices, dict):
        each = "; ".join(f"{value(key)}: {text(why)}" for key, why in choices.items())
        said += f" One of {each}."
    elif choices:
        said += f" One of {', '.join(map(value, choices))}."
    if option.get("aliases"):
        said += f" Also called {', '.join(map(code, option['aliases']))}."
    if option.get("version_added") and option["version_added"] != "0.1.0":
        said += f" Since {option['version_added']}."
    return said


def _attributes(attributes: t.Mapping[str, Option], text: Text) -> t.List[str]:
    if not attributes:
        return []
    rows = [
        [
            code(name),
            escape(str(one.get("platforms") or one.get("support", ""))),
            f"{text(one.get('description'))} {text(one.get('details'))}",
        ]
        for name, one in sorted(attributes.items())
    ]
    return ["## Attributes\n", table(["attribute", "support", "what it says"], rows)]


def _returns(returned: t.Mapping[str, Option], text: Text) -> t.List[str]:
    if not returned:
        return []
    rows = list(_return_rows(returned, text))
    return ["## Return values\n", table(["key", "type", "returned", "what it says"], rows)]


def _return_rows(
    returned: t.Mapping[str, Option], text: Text, *, above: str = ""
) -> t.Iterator[t.Sequence[str]]:
    for name, one in sorted(returned.items()):
        shown = "result" if name == "_value" else f"{above}{name}"
        said = _description({**one, "aliases": None}, text)
        if one.get("sample") not in (None, "", [], {}):
            said += f" For example {code(json.dumps(one['sample'], ensure_ascii=False))}."
        yield [code(shown), _type(one), text(one.get("returned", "")), said]
        if one.get("contains"):
            list_of = "[]" if one.get("type") == "list" else ""
            yield from _return_rows(one["contains"], text, above=f"{shown}{list_of}.")


def _see_also(also: t.Sequence[Option], text: Text) -> t.List[str]:
    rows = []
    for one in also:
        said = f": {text(one['description'])}" if one.get("description") else ""
        if "module" in one:
            rows.append(f"* {text.link('module', one['module'])}{said}\n")
        elif "plugin" in one:
            rows.append(f"* {text.link(one['plugin_type'], one['plugin'])}{said}\n")
        elif "link" in one:
            rows.append(f"* [{escape(one['name'])}]({one['link']}){said}\n")
        else:
            rows.append(f"* {text(one['description'])}\n")
    return ["## See also\n", "".join(rows)] if rows else []
