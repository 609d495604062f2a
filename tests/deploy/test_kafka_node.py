"""What `deploy/kafka/kafka_node.py` keeps beside Kafka's jars."""

from __future__ import annotations

import subprocess

from kafka_node import fetch, make_java

from kafka_broker import skip_without_kafka


def test_java_takes_kafkas_classes_as_it_kept_them() -> None:
    """Asked for its version: Kafka then ends at once. Of a file that does not go with the jars Java would take nothing, and say nothing."""
    skip_without_kafka()
    fetch()
    done = subprocess.run(
        [*make_java("-Xlog:class+load"), "kafka.Kafka", "--version"], capture_output=True, text=True, check=False, timeout=300
    )
    assert [line for line in done.stdout.splitlines() if " kafka.Kafka$ source: shared objects file" in line], done.stderr
