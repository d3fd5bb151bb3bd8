"""The verbs in groups, each with its sentence: all that ``placeprint --help`` prints, so that it imports no verb.

A test compares each sentence with the first line of the verb's own help.
"""

from __future__ import annotations

from collections.abc import Mapping

GROUPS: Mapping[str, Mapping[str, str]] = {
    "From photos to answers": {
        "check": "Say what is wrong with these photos. Exit code 1 when there are errors.",
        "group": "Find out which photos show the same place, without labels.",
        "index": "Make a gallery of photos, or of embeddings you already have.",
        "query": "Say which place a photo shows, or UNKNOWN.",
        "run": "Check, index, evaluate and report, in one go.",
        "serve": "Serve a gallery to browsers and programs over HTTP.",
    },
    "Galleries": {
        "info": "Say what a gallery holds: places, images, model, preset, calibration, sizes and health.",
        "add": "Add the photos of another dataset to a gallery; adding twice changes nothing.",
        "remove": "Remove images from a gallery by path or by place.",
        "compact": "Write what was added and removed as one: the same answers, as fast as if built at once.",
        "calibrate": "Learn when to answer UNKNOWN, and keep it in the gallery.",
        "verify": "Read every byte of a gallery and compare it with its checksum. Exit code 3 when one differs.",
        "remembered": "Show which unknown photos show one new place, and add it to a gallery.",
        "move": "Copy a gallery from a folder to a server, or back, and compare every row.",
    },
    "How good it is": {
        "evaluate": "Measure: Recall@K, mAP, open set, and what went wrong.",
        "compare": "Run several presets, models or settings on one dataset, and compare each with the first.",
        "mine": "Find hard negatives and confusable places: what to train on, and what to photograph next.",
        "protocols": "List the field's protocols: where their files go, what counts as right, and what was published.",
        "leaderboard": "Put results of several runs side by side, and mark what is not comparable.",
    },
    "Where photos were taken": {
        "locate": "Give positions to photos that have none, by what they show and when they were taken.",
        "pairs": "Choose the pairs of photos to match for a reconstruction: hloc, COLMAP, OpenMVG.",
    },
    "Models": {
        "models": "List the models that are here, and published ones that you can bring.",
        "export": "Write a model as an ONNX file, compared with its source before it is kept (extra torch).",
        "distil": "Teach a small model some of what a larger one sees, from photos without labels (extra onnx).",
        "train": "Fine-tune a model on labelled photos, and test it on places held out (extra train).",
    },
    "This machine": {
        "cache": "Say where the cache is and how large it is, or clear it.",
    },
}

VERBS = tuple(name for group in GROUPS.values() for name in group)
"""Each is a function in a file of its name. Making all of them took a tenth of a short verb."""
