"""What the machine gives without the hub."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from itertools import count
from typing import Any
from urllib.parse import urlencode

import aiohttp
import psycopg
from django.db import connection as database

from bench import hub
from bench.provider import Provider

PATH = "/oauth/token/"
_families = count(1_000_000, 1_000_000)


def bare_refreshes(provider: Provider, *, amount: int, in_flight: int) -> float:
    """Refreshes per second by aiohttp, with all results written at the end in one batch."""
    began = time.perf_counter()
    answers = asyncio.run(_ask_all(provider.origin + PATH, amount=amount, in_flight=in_flight))
    _write(answers)
    assert len(answers) == amount
    return amount / (time.perf_counter() - began)


def one_refresh(provider: Provider) -> float:
    """Seconds that one refresh takes over a connection that is open."""
    http = HTTPConnection("127.0.0.1", provider.port)
    with closing(http):
        http.connect()
        began = time.perf_counter()
        http.request("POST", PATH, body=f"grant_type=refresh_token&refresh_token=r.{next(_families)}.0")
        http.getresponse().read()
        return time.perf_counter() - began


async def _ask_all(url: str, *, amount: int, in_flight: int) -> list[tuple[str, int]]:
    # Families that no sweep uses, each asked once.
    first = next(_families)
    families = iter(range(first, first + amount))
    answers: list[tuple[str, int]] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=in_flight)) as session:

        async def ask() -> None:
            for family in families:
                form = {"grant_type": "refresh_token", "refresh_token": f"r.{family}.0"}
                headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
                async with session.post(url, data=urlencode(form).encode(), headers=headers) as answer:
                    answers.append(((await answer.read()).decode(), family))

        await asyncio.gather(*(ask() for _ in range(in_flight)))
    return [(json.loads(text)["refresh_token"], family) for text, family in answers]


def _write(answers: list[tuple[str, int]]) -> None:
    """Insert the results into a table of two columns, in one transaction."""
    if database.vendor == "sqlite":
        with sqlite3.connect(hub.FOLDER / "floor.sqlite3", autocommit=False) as file:
            file.execute("CREATE TABLE IF NOT EXISTS floor (family integer PRIMARY KEY, token text)")
            file.executemany("INSERT INTO floor (token, family) VALUES (?, ?)", answers)
        file.close()
        return
    with _postgresql() as bare, bare.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS floor (family integer PRIMARY KEY, token text)")
        cursor.executemany("INSERT INTO floor (token, family) VALUES (%s, %s)", answers)


@contextmanager
def bare_connection() -> Iterator[Any]:
    """The hub's database by the driver alone, each statement on its own."""
    bare: Any
    if database.vendor == "sqlite":
        bare = sqlite3.connect(database.settings_dict["NAME"], autocommit=True)
    else:
        bare = _postgresql(autocommit=True)
    with closing(bare):
        yield bare


def _postgresql(*, autocommit: bool = False) -> psycopg.Connection[Any]:
    parameters = database.get_connection_params()
    known: dict[str, Any] = {name: parameters[name] for name in ("dbname", "user", "password", "host", "port")}
    return psycopg.connect(**known, autocommit=autocommit)


class _Asker(asyncio.Protocol):
    """Asks for the next answer as soon as it has one; as cheap as Python can be."""

    def __init__(self, requests: Iterator[bytes], ended: asyncio.Event) -> None:
        self._requests = requests
        self._ended = ended

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.data_received(b"")

    def data_received(self, data: bytes) -> None:
        request = next(self._requests, None)
        if request is None:
            self._ended.set()
        else:
            self._transport.write(request)


def provider_alone(provider: Provider, *, amount: int, in_flight: int) -> float:
    """How many refreshes per second the provider answers when asked over bare sockets."""
    return asyncio.run(_ask_sockets(provider, amount=amount, in_flight=in_flight))


async def _ask_sockets(provider: Provider, *, amount: int, in_flight: int) -> float:
    first = next(_families)
    requests = iter([_request(first + number) for number in range(amount)])
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    opened = [
        await loop.create_connection(lambda: _Asker(requests, ended), "127.0.0.1", provider.port)
        for _ in range(in_flight)
    ]
    await ended.wait()
    spent = time.perf_counter() - began
    for transport, _ in opened:
        transport.close()
    return amount / spent


def _request(family: int) -> bytes:
    body = b"grant_type=refresh_token&refresh_token=r.%d.0" % family
    return b"POST %b HTTP/1.1\r\nHost: provider\r\nContent-Length: %d\r\n\r\n%b" % (PATH.encode(), len(body), body)
