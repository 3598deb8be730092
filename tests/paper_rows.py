"""One function per source: fills a `File` with invented native records. paper_fixtures.py says what the kinds mean."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from paper_file import File, Row

from taxonomy_bridge.taxonomy import Taxonomy, load_taxonomy

OVERLONG = "A long walk along the harbour, past the boats and the nets. " * 900
MALFORMED = '{"prompt": "this line was cut off'


def _labels(taxonomy: Taxonomy) -> list[str]:
    return [category.native[0] for category in taxonomy.assignable]


def _ticks(taxonomy: Taxonomy, labels: Iterable[str]) -> dict[str, bool]:
    chosen = set(labels)
    return {label: label in chosen for label in _labels(taxonomy)}


def _prompts(file: File, make: Callable[[str, str, str | None], Row], labels: list[str], safe: int, unsafe: int, conflict: bool = True) -> None:
    """Clean rows of a prompt source, and the specials that every one has. `make(text, verdict, label)`."""
    for at in range(unsafe):
        file.clean(make(file.text(), "unsafe", labels[at % len(labels)]), prompt="unsafe")
    for _ in range(safe):
        file.clean(make(file.text(), "safe", None), prompt="safe")
    verdict, label = ("unsafe", labels[0]) if unsafe else ("safe", None)
    copy = make(file.text(), verdict, label)
    file.clean(copy, prompt=verdict)
    file.special("duplicate", dict(copy))
    file.special("empty", make("", verdict, label))
    file.special("overlong", make(f"{file.text()} {OVERLONG}", verdict, label))
    if unsafe and safe and conflict:
        both = file.text()
        file.special("conflict", make(both, "unsafe", labels[0]), make(both, "safe", None))


def wildguard(file: File, rows: int) -> None:
    taxonomy = load_taxonomy("wildguardmix")

    def make(text: str, verdict: str | None, label: str | None) -> Row:
        harm = {"safe": "unharmful", "unsafe": "harmful"}.get(verdict or "", verdict)
        row: Row = {"prompt": text, "adversarial": file.number % 3 == 0, "response": None}
        return {**row, "response_harm_label": None, "response_refusal_label": None, "prompt_harm_label": harm, "subcategory": label or "benign"}

    _prompts(file, make, _labels(taxonomy), rows // 2, max(rows // 2, 14))
    refused = {"response": "No, I will not do that.", "response_harm_label": "unharmful", "response_refusal_label": "refusal"}
    file.clean({**make(file.text(), "unsafe", "cyberattack"), **refused}, prompt="unsafe", response="safe")
    file.special("null_label", make(file.text(), None, None), make(file.text(), None, "cyberattack"))
    file.special("no_category", make(file.text(), "unsafe", None))
    file.special("unknown_label", make(file.text(), "unsafe", "unlisted_theme"), make(file.text(), "perhaps", "cyberattack"))


def aegis(file: File, rows: int, lines: bool) -> None:
    labels = _labels(load_taxonomy("aegis-2.0"))

    def make(text: str, verdict: str | None, label: str | None) -> Row:
        row: Row = {"id": hashlib.md5(f"{file.tag}{len(file.rows)}".encode()).hexdigest(), "reconstruction_id_if_redacted": None, "prompt": text}
        row |= {"response": None, "prompt_label": verdict, "response_label": None, "violated_categories": label or ""}
        return {**row, "prompt_label_source": "human", "response_label_source": None}

    def answer(row: Row, label: str, source: str) -> Row:
        return {**row, "response": f"Invented answer to: {row['prompt']}", "response_label": label, "response_label_source": source}

    if lines:  # refusals_train.json: every row has a refusal
        for at in range(max(rows // 2, len(labels))):
            file.clean(answer(make(file.text(), "unsafe", labels[at % len(labels)]), "safe", "refusal_data_augmentation"), prompt="unsafe", response="safe")
        file.special("malformed", MALFORMED)
        return
    _prompts(file, make, labels, rows // 2, max(rows // 2, len(labels)))
    file.special("multi", *(make(file.text(), "unsafe", f"{labels[at]}, {labels[at + 1]}") for at in range(3)))
    file.special("no_category", make(file.text(), "unsafe", None))
    file.special("null_label", make(file.text(), None, labels[0]))
    file.special("redacted", *({**make("REDACTED", "unsafe", labels[11]), "reconstruction_id_if_redacted": at} for at in (7, 8)))
    file.special("unknown_label", make(file.text(), "unsafe", "Unlisted Theme"), make(file.text(), "perhaps", labels[0]))
    file.clean(make(file.text(), "safe", "Needs Caution"), prompt="safe")
    file.clean(answer(make(file.text(), "safe", "Violence"), "unsafe", "llm_jury"), prompt="safe", response="unsafe")


def or_bench(file: File, rows: int, unsafe: bool) -> None:
    labels = _labels(load_taxonomy("or-bench"))

    def make(text: str, verdict: str, label: str | None) -> Row:
        return {"prompt": text, "category": label or labels[file.number % len(labels)]}

    _prompts(file, make, labels, 0 if unsafe else rows, max(rows, len(labels)) if unsafe else 0)
    file.special("unknown_label", {**make(file.text(), "unsafe", "unlisted")})


def guardset(file: File, rows: int, organisation: str, unsafe: bool) -> None:
    labels = _labels(load_taxonomy(f"guardset-x-{organisation.lower().replace('_', '-')}"))

    def make(text: str, verdict: str, label: str | None) -> Row:
        return {"instance": text, "category": label or labels[file.number % len(labels)], "rule": "Invented: no rule text."}

    _prompts(file, make, labels, 0 if unsafe else rows // 2, max(rows // 2, len(labels)) if unsafe else 0)
    file.special("malformed", MALFORMED)
    if unsafe:
        file.special("unknown_label", make(file.text(), "unsafe", "unlisted section"))


def _pair(file: File, labels: Iterable[str] | None, prompt: str | None = None, response: str | None = None) -> Row:
    """A BeaverTails row; labels None = safe, an empty list = unsafe without a category."""
    ticks = _ticks(load_taxonomy("beavertails"), labels or ())
    prompt = file.text() if prompt is None else prompt
    return {"prompt": prompt, "response": response or f"Invented answer: {prompt[:80]}", "category": ticks, "is_safe": labels is None}


def beavertails(file: File, rows: int, annotated: bool) -> None:
    labels = _labels(load_taxonomy("beavertails"))
    for at in range(max(rows // 2, len(labels))):
        file.clean(_pair(file, [labels[at % len(labels)]]), response="unsafe")
    for _ in range(rows // 2):
        file.clean(_pair(file, None), response="safe")
    file.special("multi", *(_pair(file, labels[at : at + 2]) for at in range(4)))
    file.special("no_category", _pair(file, []))
    file.special("empty", _pair(file, labels[:1], "", "Invented answer to an empty prompt."))
    file.special("overlong", _pair(file, labels[:1], f"{file.text()} {OVERLONG}"))
    file.special("null_label", {**_pair(file, None), "is_safe": None})
    file.special("malformed", MALFORMED)
    first = _pair(file, labels[:1])
    both = _pair(file, labels[:1])
    if not annotated:
        file.clean(first, response="unsafe")
        file.special("duplicate", dict(first))
        file.special("conflict", both, {**both, "is_safe": True, "category": _ticks(load_taxonomy("beavertails"), ())})
        return
    for votes in (3, 2):  # three that agree; two against one
        row = _pair(file, labels[2:3])
        file.clean(row, response="unsafe")
        other = row if votes == 3 else _pair(file, None, row["prompt"])
        file.special("merged", dict(row), dict(other))
    for _ in range(2):
        row = _pair(file, labels[5:6])
        file.special("tie", row, _pair(file, None, row["prompt"]))


def pku(file: File, rows: int, model: str) -> None:
    taxonomy = load_taxonomy("pku-saferlhf")
    labels = _labels(taxonomy)

    def make(prompt: str, *answers: tuple[str, ...] | None) -> Row:
        texts = [f"Invented answer {at} of {model}: {prompt[:90]}" for at in (0, 1)]
        row: Row = {"prompt": prompt, "response_0": texts[0], "response_1": texts[1], "prompt_source": "Alpaca3-70B"}
        row |= {f"response_{at}_source": model for at in (0, 1)} | {f"is_response_{at}_safe": found is None for at, found in enumerate(answers)}
        row |= {f"response_{at}_harm_category": _ticks(taxonomy, found or ()) for at, found in enumerate(answers)}
        row |= {f"response_{at}_severity_level": 0 if found is None else 2 for at, found in enumerate(answers)}
        row |= {"better_response_id": 0, "safer_response_id": 1}
        return row | {f"response_{at}_sha256": hashlib.sha256((prompt + text).encode()).hexdigest() for at, text in enumerate(texts)}

    for at in range(max(rows // 2, len(labels))):
        one, other = labels[at % len(labels)], labels[at * 5 % len(labels)]
        second = (other,) if at % 2 else None
        file.clean(make(file.text(), (one,), second), response_0="unsafe", response_1="unsafe" if second else "safe")
    for _ in range(rows // 2):
        file.clean(make(file.text(), None, None), response_0="safe", response_1="safe")
    file.special("multi", *(make(file.text(), tuple(labels[at : at + 2]), tuple(labels[at + 3 : at + 5])) for at in range(3)))
    file.special("no_category", make(file.text(), (), ()))
    file.special("empty", make("", (labels[0],), None))
    file.special("overlong", make(f"{file.text()} {OVERLONG}", (labels[0],), None))
    file.special("null_label", {**make(file.text(), None, None), "is_response_0_safe": None, "is_response_1_safe": None})
    file.special("bad_sha256", {**make(file.text(), None, (labels[0],)), "response_1_sha256": "0" * 64})
    copy = make(file.text(), (labels[0],), None)
    file.clean(copy, response_0="unsafe", response_1="safe")
    file.special("duplicate", dict(copy))
    both = file.text()
    file.special("conflict", make(both, (labels[0],), None), make(both, None, (labels[0],)))
    file.special("malformed", MALFORMED)


def toxicchat(file: File, safe: int, unsafe: int) -> None:
    def make(text: str, verdict: str, label: str | None) -> Row:
        row: Row = {"conv_id": hashlib.sha256(f"{file.number}".encode()).hexdigest(), "user_input": text, "model_output": "Invented output."}
        row |= {"human_annotation": bool(file.number % 2), "toxicity": int(verdict == "unsafe"), "jailbreaking": int(file.number % 11 == 0)}
        return {**row, "openai_moderation": '[["harassment", 0.01], ["hate", 0.002]]'}

    _prompts(file, make, ["toxicity"], safe, unsafe - 1, conflict=False)
    file.special("unknown_label", {**make(file.text(), "unsafe", None), "toxicity": 7})


def hex_phi(file: File) -> None:
    for _ in range(30):
        file.clean({"text": file.text("instruction")}, prompt="unsafe")


def t2t(file: File, rows: int) -> None:
    labels = _labels(load_taxonomy("t2t"))

    def make(text: str, verdict: str, label: str | None) -> Row:
        return {"question": text, "class": verdict, "subcategory": label or labels[file.number % len(labels)]}

    _prompts(file, make, labels, rows // 2, rows // 2)
    file.special("skipped", *(make(file.text(), "safe_unreleated_unsafe", None) for _ in range(3)))
    file.special("unknown_label", make(file.text(), "unsafe", "unlisted_crimes"))


def do_not_answer(file: File, rows: int) -> None:
    taxonomy = load_taxonomy("do-not-answer")
    types = _labels(taxonomy)
    area = {category.native[0]: taxonomy[category.parent or ""].name for category in taxonomy.assignable if category.parent}
    harm = {category.native[0]: taxonomy[taxonomy.children(category.slug)[0]].name for category in taxonomy.assignable}
    models = ("GPT4", "ChatGPT", "Claude", "ChatGLM2", "llama2-7b-chat", "vicuna-7b")

    def make(harmful: int, kind: str) -> Row:
        question = file.text()
        row: Row = {
            "id": file.number,
            "risk_area": area.get(kind, "Malicious Uses"),
            "types_of_harm": kind,
            "specific_harms": f"{harm.get(kind, 'Unlisted harm')}: invented",
            "question": question,
        }
        for model in models:
            row |= {f"{model}_response": f"Invented answer of {model}: {question}", f"{model}_harmful": harmful, f"{model}_action": 0}
        return row

    names = [kind for kind in types if kind in area]
    for at in range(max(rows, len(names))):
        answers = dict.fromkeys((f"response_{model}" for model in models), "unsafe" if at % 8 == 3 else "safe")
        file.clean(make(int(at % 8 == 3), names[at % len(names)]), prompt="unsafe", **answers)
    file.special("unknown_label", make(0, "Unlisted type"))
    file.special("unknown_flag", make(7, names[0]))


def openai(file: File, rows: int) -> None:
    codes, parents = ("S", "H", "V", "HR", "SH", "S3", "H2", "V2"), {"S3": "S", "H2": "H", "V2": "V"}

    def make(text: str, positive: Iterable[str] = (), missing: Iterable[str] = ()) -> Row:
        return {"prompt": text, **{code: int(code in set(positive)) for code in codes if code not in set(missing)}}

    for at in range(max(rows // 2, 8)):
        code = codes[at % 8] if at < 8 else codes[at % 5]
        missing = ("S3",) if code != "S3" and at % 4 == 0 else ()
        file.clean(make(file.text(), {code, parents.get(code, code)}, missing), prompt="unsafe")
    for _ in range(rows // 2):
        file.clean(make(file.text()), prompt="safe")
    file.special("multi", *(make(file.text(), ("H", "HR")) for _ in range(3)))
    file.special("missing_keys", *(make(file.text(), (), ("S", "H", "S3", "H2")) for _ in range(4)))
    file.special("unknown_label", {**make(file.text()), "V": 5})
    file.special("malformed", MALFORMED)
