"""What `deploy/kafka/kafka_node.py` keeps beside Kafka's jars."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from kafka_node import HERE, LIBS, fetch, make_java

from kafka_broker import skip_without_kafka

_VERSION = ["kafka.Kafka", "--version"]
_SHARED = " kafka.Kafka$ source: shared objects file"


def test_java_takes_kafkas_classes_as_it_kept_them() -> None:
    """Asked for its version: Kafka then ends at once. Of a file that does not go with the jars Java would take nothing, and say nothing."""
    skip_without_kafka()
    fetch()
    done = subprocess.run([*make_java("-Xlog:class+load"), *_VERSION], capture_output=True, text=True, check=False, timeout=300)
    assert [line for line in done.stdout.splitlines() if _SHARED in line], done.stderr


@pytest.mark.long
def test_a_folder_that_was_copied_keeps_them_anew(tmp_path: Path) -> None:
    skip_without_kafka()
    fetch()
    for one in HERE.glob("*.py"):
        shutil.copy(one, tmp_path)
    shutil.copytree(LIBS, tmp_path / "libs")
    command = (
        f"import kafka_node, subprocess; kafka_node.fetch(); subprocess.run([*kafka_node.make_java('-Xlog:class+load'), *{_VERSION!r}])"
    )
    done = subprocess.run([sys.executable, "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert [line for line in done.stdout.splitlines() if _SHARED in line], done.stderr
