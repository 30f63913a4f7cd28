"""All messages of the code base, read by rule: each ends as a sentence does, and says a thing once."""

import importlib.util

from architecture.source_tree import ROOT

_spec = importlib.util.spec_from_file_location("messages", ROOT / "tools" / "messages.py")
listed = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(listed)

ALL = [message for message in listed.messages() if message.text]
HANDED_ON = {  # what puts these together adds the rest
    *(
        "problem raise_all _no_value _taken not_readable _not_found _unknown _not_loaded _refusal _no_fit _NotYet".split()
    ),
    *("weights_alone AttributeError Damaged NewerForm _UnsafeError".split()),
}


def test_the_list_finds_messages_of_all_kinds():
    kinds = {message.kind for message in ALL}
    assert {"ArgumentError", "ShapeError", "DataError", "StateError", "FileError", "warn", "problem"} <= kinds
    assert len(ALL) > 1000


def test_no_message_says_a_thing_twice():
    glued = [f"{message.place}: {message.text}" for message in ALL if listed.is_glued(message)]
    assert not glued, "\n".join(glued)


def test_messages_end_as_sentences_do():
    endings = (".", "?", "}", ")", ":", "`")
    open_ended = [
        f"{message.place}: {message.text}"
        for message in ALL
        if message.kind not in HANDED_ON and not message.text.rstrip().endswith(endings)
    ]
    assert not open_ended, "\n".join(open_ended)


def test_what_is_filled_in_is_shown_as_an_expression():
    tree = listed.ast.parse("f'{who}: {len(names)} ' 'of ' + rest", mode="eval")
    assert listed.text_of(tree.body) == "{who}: {len(names)} of {rest}"
