"""The dataset card: YAML that tells `datasets` what is where, and prose that tells people."""

import io
import json
from typing import Any

from ruamel.yaml import YAML

from constitution.records import Counts
from constitution.store import Manifest

_MESSAGES = [{"name": "role", "dtype": "string"}, {"name": "content", "dtype": "string"}]
_ORIGIN = [{"name": "metadata", "dtype": "string"}]
# Types are declared, not inferred: a first file without some value must not change a column's type.
FEATURES: dict[str, list[dict[str, Any]]] = {
    "sft": [{"name": "messages", "list": _MESSAGES}, *_ORIGIN],
    "preference": [
        {"name": "prompt", "list": _MESSAGES},
        {"name": "chosen", "list": _MESSAGES},
        {"name": "rejected", "list": _MESSAGES},
        *_ORIGIN,
    ],
}
# Also how an export is told from any other folder.
MADE_WITH = "Made with `constitution`"
MEANING = {
    "sft": "supervised fine-tuning: `messages` ends with the revised response",
    "preference": "preference pairs: `chosen` is the final revision, `rejected` the initial response",
}


def card(manifest: Manifest, counts: Counts, rows: dict[str, dict[str, int]], revisions: str, cut: int) -> str:
    """The text of README.md.

    Args:
        manifest: Of the run.
        counts: Where the run's rows were.
        rows: Rows by kind and split; a split without rows is not in it.
        revisions: `final` or `all`.
        cut: Prompts with a response that ends at `max_tokens`.
    """
    header = {
        "configs": [
            {
                "config_name": kind,
                **({"default": True} if place == 0 else {}),
                "data_files": [
                    {"split": split, "path": f"{kind}/{split}.jsonl"} for split in sorted(splits, reverse=True)
                ],
            }
            for place, (kind, splits) in enumerate(rows.items())
        ],
        "dataset_info": [{"config_name": kind, "features": FEATURES[kind]} for kind in rows],
        "tags": ["constitutional-ai", "synthetic"],
    }
    settings, model = manifest.settings, manifest.affecting["model (identity)"]
    assert isinstance(model, dict)
    buffer = io.StringIO()
    yaml = YAML()
    # The card's YAML holds each list of fields once per use: anchors would be valid, but readers choke on them.
    yaml.representer.ignore_aliases = lambda _: True
    yaml.dump(header, buffer)
    table = [
        f"| {kind} | {MEANING[kind]} | {splits.get('train', 0)} | {splits.get('test', 0)} |"
        for kind, splits in rows.items()
    ]
    mode = "critique, then revision" if settings["critique"] else "direct revision, without critiques"
    return "\n".join(
        [
            "---",
            buffer.getvalue().rstrip(),
            "---",
            "",
            "# Harmlessness data by critique and revision",
            "",
            f"{MADE_WITH} by the supervised stage of Constitutional AI (Bai et al. 2022, arXiv "
            "2212.08073): a model answers a prompt, criticises its answer against a principle, and rewrites it.",
            "",
            "| config | what | train | test |",
            "|---|---|---|---|",
            *table,
            "",
            f"- model: `{model['model']}`, revision `{model['revision']}`, {model['detail'] or model['engine']}",
            f"- principles: `{settings['principles']}`, content hash `{manifest.affecting['principles (content)']}`",
            f"- rounds: {settings['rounds']} ({mode}); sft revisions: {revisions}",
            f"- sampling: temperature {settings['temperature']}, top-p {settings['top_p']}, at most "
            f"{settings['max_tokens']} tokens, seed {settings['seed']}",
            f"- templates: `{settings['templates']}`",
            f"- system prompt: {json.dumps(settings['system_prompt'])}",
            f"- the run: {counts.equation}",
            f"- prompts with a response that was cut at {settings['max_tokens']} tokens: {cut}",
            f"- made with version {manifest.version}; the run was begun on {manifest.created[:10]}",
            "",
            "Train and test are split by prompt: no prompt is in both. `metadata` is a JSON object as text, with "
            "the principles that were drawn and the input row's own columns.",
            "",
            "The rejected responses, and some prompts, are harmful on purpose. The chosen ones are a model's work and "
            "were not checked by people.",
            "",
        ]
    )
