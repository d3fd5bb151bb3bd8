"""What runs a graph: OpenVINO by default, ONNX Runtime as an extra."""
