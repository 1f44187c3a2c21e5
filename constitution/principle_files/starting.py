"""A principles file to start from."""

from constitution.principle_files.writing import field_text

TEXT = """\
# Edit this file in any editor, or by commands, which leave comments and order as they are:
#   constitution principles add FILE --id polite --critique-request '…' --revision-request '…'
#   constitution principles edit FILE ID --weight 2
#   constitution principles --help
# `constitution principles lint FILE` names the lines of faults.
{name}version: "1"                     # raise it when the meaning of a principle changes
description: What these principles are for, in a sentence.

principles:
  - id: unsure-facts             # unique; stands in every transcript that drew it
    # Asks the model to criticise its last response.
    critique_request: >-
      Find each statement in your last response that sounds surer than you can be, and say
      what you do not know about it.
    # Asks the model to rewrite it. Ask for the new reply alone, or remarks about the change come with it.
    revision_request: >-
      Rewrite your last response so that what is certain and what is a guess can be told
      apart. Write only the new reply to the user.
    # Asks a judge which of two responses is better. Only the RL stage needs it.
    comparison: >-
      Which response is more open about what it does not know, without hiding what it does?
    weight: 1                    # optional: one of weight 2 is drawn twice as often
    tags: [honesty]              # optional: words to pick out some principles by

# Rules are true or false of a response, and are for `constitution score`. Take away the `#` to have this one.
# rules:
#   - id: names-a-source
#     proposition: The response says where its main claim can be checked.
#     weight: 0.5                # below 0 for what should not be true
"""


def start_text(name: str) -> str:
    """A file with one worked principle, one commented rule, and how to go on.

    Args:
        name: What the file calls itself.
    """
    return TEXT.format(name=field_text("name", name))
