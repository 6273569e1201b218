"""AWS KMS as moto plays it, in a process of its own on this machine."""

import subprocess
import sys
from types import TracebackType
from typing import Self

import boto3
import requests

from bench.fleet import free_port, wait_for

PATIENCE_SECONDS = 90
REGION = "eu-central-1"


class Kms:
    """One running server with one symmetric key, `arn`. Stopped, it is gone with its keys; it ends with the block."""

    def __enter__(self) -> Self:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self._wait()
            self.client = boto3.client("kms", region_name=REGION, endpoint_url=self.url)
            self.arn = self.client.create_key()["KeyMetadata"]["Arn"]
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(PATIENCE_SECONDS)

    def _wait(self) -> None:
        def has_started() -> bool:
            if self._process.poll() is not None:
                raise RuntimeError("moto did not start")
            try:
                requests.get(f"{self.url}/moto-api/", timeout=5)
            except requests.ConnectionError:
                return False
            return True

        wait_for(has_started, what="moto did not answer.", seconds=PATIENCE_SECONDS)
