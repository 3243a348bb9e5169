"""Which addresses the stack takes, and who is in its way."""

import socket
from dataclasses import dataclass

import pytest

from notemill.ci.stack import network
from notemill.ci.stack import settings as own
from notemill.ci.stack.network import Listener
from notemill.errors import UsageError


def stack(host=None, port=7300):
    return own.new(host, port, "172.30.73.0/24", "172.30.73.1", False)


def test_the_first_network_that_overlaps_with_nothing():
    assert network.choose([]) == ("172.30.73.0/24", "172.30.73.1")
    assert network.choose(["172.30.73.128/25", "fd00::/64"])[0] == "172.30.74.0/24"
    assert network.choose(["172.16.0.0/12"]) == ("10.213.73.0/24", "10.213.73.1")
    with pytest.raises(UsageError, match="every network"):
        network.choose(["0.0.0.0/0"])


@pytest.mark.parametrize("address, port, in_the_way", [
    ("0.0.0.0", 7300, True), ("::", 7304, True), ("172.30.73.1", 7303, True), ("127.0.0.1", 7300, False),
    ("127.0.0.1", 7302, True), ("192.0.2.1", 7301, False), ("0.0.0.0", 7305, False)])
def test_only_who_listens_at_its_own_addresses_is_in_the_way(address, port, in_the_way):
    one = Listener(address, port, "nginx (process 7)")
    assert network.conflicts(stack(), [one]) == ([one] if in_the_way else [])


def test_where_all_addresses_are_published_every_listener_is_in_the_way():
    one = Listener("192.0.2.1", 7301, "nginx")
    assert network.conflicts(stack("box.example"), [one]) == [one]


def test_who_has_the_port_is_said():
    with pytest.raises(UsageError) as caught:
        network.check(stack(), [Listener(address, 7300, "nginx (process 7)") for address in ("0.0.0.0", "::")])
    assert caught.value.got == "port 7300 is taken by nginx (process 7)" and "--port 7400" in caught.value.hint
    network.check(stack(), [])


class Engine:
    """Says what an engine with two networks says."""

    NETWORKS = '[{"Name": "notemill-7300", "IPAM": {"Config": [{"Subnet": "172.30.73.0/24"}]}}, ' \
               '{"Name": "host", "IPAM": {"Config": null}}, ' \
               '{"Name": "x", "IPAM": {"Config": [{"Subnet": "172.30.74.0/24"}]}}]'

    def run(self, *words):
        return "a b c" if words[:2] == ("network", "ls") else self.NETWORKS


def test_the_networks_of_the_engine_are_taken_but_for_the_stacks_own():
    assert {"172.30.73.0/24", "172.30.74.0/24", "127.0.0.0/8"} <= set(network.taken(Engine()))
    assert "172.30.73.0/24" not in network.taken(Engine(), but="notemill-7300")


def test_a_network_that_something_else_has_come_to_use_is_told_of():
    network.check_subnet(stack(), ["172.30.74.0/24", "fd00::/8"])
    with pytest.raises(UsageError, match="overlaps with 172.30.0.0/16"):
        network.check_subnet(stack(), ["172.30.0.0/16"])


def test_a_real_listener_is_found_with_its_process():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = next(one for one in network.listeners() if one.port == port)
    assert found.address == "127.0.0.1" and "process" in found.by


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "a.localhost", "127.8.0.1"])
def test_an_address_that_is_another_machine_in_each_container_is_refused(host):
    with pytest.raises(UsageError, match="another machine"):
        network.check_host(host)


@pytest.mark.parametrize("host", ["192.0.2.7", "box.example", "fd00::2"])
def test_an_address_of_the_network_is_taken(host):
    network.check_host(host)


@pytest.mark.parametrize("says, bound", [
    (["192.0.2.7"], "192.0.2.7"), (["192.0.2.7", "fd00::2"], "192.0.2.7"), (["fd00::2"], "fd00::2"),
    (["192.0.2.7", "198.51.100.1"], "192.0.2.7"), (["192.0.2.7", "192.0.2.8"], "0.0.0.0"), (["127.0.1.1"], "0.0.0.0"),
    (["198.51.100.1"], "0.0.0.0"), ([], "0.0.0.0")])
def test_a_name_is_published_at_the_one_address_that_it_is_here(monkeypatch, says, bound):
    here(monkeypatch, says)
    assert network.resolve("box.example") == bound
    assert network.bind_address({**stack("box.example"), "bind": bound}) == bound


def test_a_name_that_nobody_knows_just_now_opens_no_other_address(monkeypatch):
    here(monkeypatch, [])
    assert network.resolve("box.example", "192.0.2.8") == "192.0.2.8"
    assert network.resolve("box.example", "198.51.100.1") == "0.0.0.0"  # of another machine


def here(monkeypatch, says):
    """A machine of these addresses, for which a name stands for what is said."""
    cards = [Card(one) for one in ("127.0.0.1", "127.0.1.1", "192.0.2.7", "192.0.2.8", "fd00::2")]
    monkeypatch.setattr(network.psutil, "net_if_addrs", lambda: {"card": cards})

    def known(host, *words, **more):
        if not says:
            raise socket.gaierror(-2, "Name or service not known")
        return [(None, None, 6, "", (one, 0)) for one in says]
    monkeypatch.setattr(network.socket, "getaddrinfo", known)


@dataclass
class Card:
    address: str


def test_the_engine_finds_the_registry_on_the_loopback():
    assert network.registry_for_engine(stack()) == "127.0.0.1:7302:7302"
    assert network.registry_for_engine(stack("box.example")) == "127.0.0.1::7302"
