"""A sketch of a ROS 2 node: every compressed camera image is asked about over HTTP, and the place is published.

    placeprint serve my.gallery &
    python examples/ros2_node.py --ros-args -r image:=/camera/image/compressed

It needs rclpy of a ROS 2 installation and was linted, not run. A robot that drives past a place sends many photos:
one is asked at a time, and those that come meanwhile are dropped.
"""

from typing import Any

import placeprint

URL = "http://127.0.0.1:8000"


def main() -> None:
    """Run the node until it is stopped."""
    import rclpy
    from rclpy.node import Node
    from sensor_msgs.msg import CompressedImage
    from std_msgs.msg import String

    class PlaceNode(Node):  # type: ignore[misc]
        """Publishes the place that an image shows, when it is sure."""

        def __init__(self) -> None:
            super().__init__("placeprint")
            self.told = self.create_publisher(String, "place", 1)
            self.create_subscription(CompressedImage, "image", self.seen, 1)  # depth 1: the newest, and no queue

        def seen(self, image: Any) -> None:
            """Ask about an image."""
            try:
                answer = placeprint.recognize(photo=bytes(image.data), url=URL)
            except placeprint.PlaceprintError as error:
                self.get_logger().warning(str(error))
                return
            if answer.place is not None:
                self.told.publish(String(data=answer.place))

    rclpy.init()
    rclpy.spin(PlaceNode())


if __name__ == "__main__":
    main()
