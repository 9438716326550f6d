#!/usr/bin/env python3
"""Answers the golden cases with the real ansible-core 2.18.

    python generate.py            writes answers.json, matrix.json and settings.json beside this file
    python generate.py settings   writes settings.json alone: what the templates give with settings that are not the default

Run it with a Python that has Ansible 11 and what its filters need:
`pip install 'ansible==11.*' netaddr jmespath passlib 'bcrypt<4.1'`. The Rust test `golden.rs` compares every answer
with ours.
"""

import datetime
import json
import os
import sys
import warnings

if os.environ.get("PYTHONHASHSEED") != "0":
    # The order of sets, in the few answers that show it, is the same each time.
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})

os.environ.pop("ANSIBLE_CONFIG", None)
os.environ.update(TZ="UTC", ANSIBLE_DEPRECATION_WARNINGS="False", ANSIBLE_SYSTEM_WARNINGS="False", ANSIBLE_LOCALHOST_WARNING="False",
                  ANSIBLE_DEVEL_WARNING="False", GOLDEN_VARIABLE="from the environment")
warnings.filterwarnings("ignore")

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "fixtures")

from ansible import __version__, constants  # noqa: E402
from ansible.parsing.dataloader import DataLoader  # noqa: E402
from ansible.parsing.splitter import parse_kv  # noqa: E402
from ansible.parsing.yaml.loader import AnsibleLoader  # noqa: E402
from ansible.playbook.conditional import Conditional  # noqa: E402
from ansible.plugins.loader import init_plugin_loader, lookup_loader  # noqa: E402
from ansible.template import Templar  # noqa: E402
from ansible.utils.display import Display  # noqa: E402
from ansible.utils.listify import listify_lookup_plugin_terms  # noqa: E402
from ansible.utils.unsafe_proxy import wrap_var  # noqa: E402

Display.warning = Display.deprecated = Display.display = lambda *_args, **_kwargs: None


def plain(value):
    """The value as our runner holds it: no subclasses, dates as text, sets as lists."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, (list, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return str(value)
    if isinstance(value, str):
        return str.__str__(value)
    return value


def answer(function):
    try:
        return {"value": repr(plain(function()))}
    except RecursionError:
        return {"error": "recursion"}
    except Exception as error:  # every kind of failure is an answer
        return {"error": str(getattr(error, "message", error)).replace(HERE, ".")}


class When(Conditional):
    def __init__(self, loader, when):
        self._loader = loader
        self.when = when if isinstance(when, list) else [when]


SETTINGS = {"jinja2_native": ("DEFAULT_JINJA2_NATIVE", True), "error_on_undefined_vars": ("DEFAULT_UNDEFINED_VAR_BEHAVIOR", False)}


def settings_answers(group, loader):
    """The answers to the templates of a group under each of the settings."""
    answers = {}
    for setting, (name, value) in SETTINGS.items():
        default = getattr(constants, name)
        setattr(constants, name, value)
        answers[setting] = group_answers({**group, "kinds": ["templates"]}, loader).get("templates", [])
        setattr(constants, name, default)
    return answers


def group_answers(group, loader):
    variables = dict(group.get("variables") or {})
    for name, value in (group.get("data") or {}).items():
        variables[name] = wrap_var(value)
    variables["ansible_search_path"] = [FIXTURES]
    variables["omit"] = "__omit_place_holder__"
    variables["vars"] = dict(variables)

    def templar():
        current = Templar(loader=loader, variables=dict(variables))
        current.environment.loader.searchpath = [os.path.join(FIXTURES, "templates")]
        return current

    def condition(when):
        return When(loader, when).evaluate_conditional_with_result(templar(), dict(variables))[0]

    def loop(case):
        current = templar()
        terms = case["terms"]
        if case["with"] == "first_found":
            terms = listify_lookup_plugin_terms(terms, templar=current, fail_on_undefined=False)
        else:
            terms = listify_lookup_plugin_terms(terms, templar=current, fail_on_undefined=True)
        found = lookup_loader.get(case["with"], loader=loader, templar=current).run(terms=terms, variables=dict(variables))
        return [item.replace(FIXTURES, "FIXTURES") if isinstance(item, str) else item for item in found]

    def render(text):
        value = templar().template(text)
        return value.replace(FIXTURES, "FIXTURES") if isinstance(value, str) else value

    def file(case):
        options = dict(case.get("options") or {})
        newline = options.get("newline_sequence")
        result = templar().do_template(case["source"], preserve_trailing_newlines=True, escape_backslashes=False, overrides=options)
        return str(result) if newline is None else result

    def document(text):
        return AnsibleLoader(str(text), file_name="case.yml").get_single_data()

    answers = {}
    for key, evaluate in (
        ("expressions", lambda text: render("{{ [" + text + "] }}")), ("templates", render), ("conditions", condition), ("loops", loop), ("files", file), ("documents", document),
        ("key_values", lambda text: parse_kv(text)), ("free_forms", lambda text: parse_kv(text, check_raw=True)),
    ):
        if key in group and key in group.get("kinds", [key]):
            answers[key] = [answer(lambda case=case: evaluate(case)) for case in group[key]]
    return answers


def main():
    if not __version__.startswith("2.18."):
        sys.exit(f"ansible-core 2.18 is needed, this is {__version__}")
    init_plugin_loader()
    os.chdir(FIXTURES)
    loader = DataLoader()
    loader.set_basedir(FIXTURES)
    with open(os.path.join(HERE, "cases.yml"), encoding="utf-8") as stream:
        groups = AnsibleLoader(stream.read(), file_name="cases.yml").get_single_data()
    count = write("settings.json", {str(group["name"]): settings_answers(group, loader) for group in groups})
    if sys.argv[1:] != ["settings"]:
        count += write("answers.json", {str(group["name"]): group_answers(group, loader) for group in groups}) + matrix(loader)
    print(count, "answers of ansible-core", __version__)


def write(file, answers):
    with open(os.path.join(HERE, file), "w", encoding="utf-8") as stream:
        json.dump(answers, stream, indent=1, sort_keys=True)
        stream.write("\n")
    return sum(len(cases) for group in answers.values() for cases in group.values())


def matrix(loader):
    """Every pattern with every input; a failure is null."""
    with open(os.path.join(HERE, "matrix.yml"), encoding="utf-8") as stream:
        groups = AnsibleLoader(stream.read(), file_name="matrix.yml").get_single_data()
    count = 0
    lines = []
    for group in groups:
        rows = []
        for pattern in group["patterns"]:
            row = []
            for text in group["inputs"]:
                expression = str(pattern).replace("@", str(text))
                variables = {"ansible_search_path": [FIXTURES]}
                templar = Templar(loader=loader, variables=variables)
                row.append(answer(lambda: templar.template("{{ [" + expression + "] }}")).get("value"))
            count += len(row)
            rows.append("  " + json.dumps(str(pattern)) + ": " + json.dumps(row))
        lines.append(" " + json.dumps(str(group["name"])) + ": {\n" + ",\n".join(rows) + "\n }")
    with open(os.path.join(HERE, "matrix.json"), "w", encoding="utf-8") as stream:
        stream.write("{\n" + ",\n".join(lines) + "\n}\n")
    return count


if __name__ == "__main__":
    main()
