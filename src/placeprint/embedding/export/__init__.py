"""PyTorch models to ONNX files with a ModelSpec beside them (extra ``torch``); running them needs no PyTorch."""
