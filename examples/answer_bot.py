"""A bot behind the API: whoever sends a photo gets a sentence. Here the chat is the terminal, a path a line.

    placeprint serve my.gallery &
    ls photos/*.jpg | python examples/answer_bot.py http://127.0.0.1:8000

What a chat needs instead is another `for`: the sentence is made of the answer alone.
"""

import sys

import placeprint


def sentence(answer: placeprint.Answer) -> str:
    """Say an answer as a person would."""
    name = answer.best_guess
    if answer.grade is placeprint.Grade.SURE:
        return f"That is {name}."
    if answer.grade is placeprint.Grade.LIKELY:
        return f"That may be {name} ({answer.probability:.0%}). Another photo would help."
    return "I do not know that place."


def main(url: str) -> None:
    """Answer every path on stdin."""
    for line in sys.stdin:
        try:
            print(sentence(placeprint.recognize(photo=line.strip(), url=url)), flush=True)
        except placeprint.PlaceprintError as error:
            print(f"Sorry: {error}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
