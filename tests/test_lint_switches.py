"""Comments that switch rules of lint off."""

import pytest
from linting import found_in
from planted import HEAD, PLANTED, SOUND, principle

FAULT = principle(comparison="Which response is less {quality}?")


@pytest.mark.parametrize(
    "text",
    [
        HEAD + SOUND + "\n  # lint: off placeholder\n" + FAULT.lstrip("\n"),
        HEAD + SOUND + "\n  # Meant so.\n  #lint: off leading, placeholder\n\n" + FAULT.lstrip("\n"),
        HEAD + SOUND + FAULT.replace("tags:", "# lint: off placeholder\n    tags:"),
        HEAD + SOUND + FAULT.rstrip("\n") + " # lint: off placeholder\n",
        "# lint: off placeholder tag-typo\n" + HEAD + SOUND + FAULT,
        HEAD.replace("principles:", "# lint: off placeholder\nprinciples:") + SOUND + FAULT,
    ],
)
def test_a_comment_switches_a_rule_off(text: str) -> None:
    assert found_in(text) == []


@pytest.mark.parametrize(
    "text",
    [
        HEAD + SOUND.replace("  - id: locks", "  # lint: off placeholder\n  - id: locks") + FAULT,
        HEAD + SOUND + FAULT.replace("blaze", "x") + "\n  # lint: off leading\n",
        HEAD + SOUND + FAULT.replace("revision_request:", "revision_request: >-\n      # lint: off placeholder\n     "),
        HEAD + SOUND + FAULT.replace("danger.", "danger.#lint:off placeholder"),
        HEAD + SOUND + FAULT.replace("{quality}?", "{quality}#lint:off placeholder"),
    ],
)
def test_a_comment_elsewhere_or_a_text_switches_nothing_off(text: str) -> None:
    assert [found.rule for found in found_in(text)] == ["placeholder"]


def test_either_of_a_pair_switches_off_what_is_found_of_both() -> None:
    text = PLANTED["the same principle again"].text
    for name in ("doses", "medicines"):
        assert found_in(text.replace(f"  - id: {name}", f"  # lint: off near-duplicate\n  - id: {name}")) == []


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ("placeholders", "did you mean 'placeholder'?"),
        ("", "does not say what"),
        ("schema", "cannot be switched off"),
    ],
)
def test_a_switch_that_is_none_is_told(names: str, why: str) -> None:
    (found,) = found_in(f"{HEAD}  # lint: off {names}\n{SOUND}")
    assert (found.rule, found.line) == ("unknown-rule", 5)
    assert why in found.why
