"""The client asks as it is told, and counts what comes, whatever it is."""

import ssl

import pytest
from stress.toy import answer, toy

from notemill.stress import asking, client, load, target
from notemill.stress.answer import Answer, NoHttp

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\nyou\r\n0\r\n\r\n"


def put(service, *, clients=1, seconds=0.3, bodies=(b'{"a": 1}',), patience=5.0, run=client.run, said=None):
    """What the client says, within this process."""
    found = target.find(service.url)
    asked = load.requests(found, "/predict", said or asking.headers(found, None), bodies)
    name = found.name if found.tls else None
    return run({"host": found.host, "port": found.port, "tls": name, "requests": asked, "clients": clients,
                "seconds": seconds, "patience": patience})


@pytest.mark.parametrize("data", [WHOLE, CHUNKED])
def test_an_answer_is_whole_at_its_last_byte_and_not_before(data):
    told = Answer()
    found = [told.feed(data[place:place + 1]) for place in range(len(data))]
    assert found == [False] * (len(data) - 1) + [True] and told.status == 200 and not told.closes
    assert Answer().feed(data)


def test_an_answer_without_length_ends_with_its_connection():
    told = Answer()
    assert not told.feed(b"HTTP/1.1 200 OK\r\n\r\nhello") and told.closes and told.ended() and told.body == b"hello"
    half = Answer()
    assert not half.feed(WHOLE[:-1]) and not half.ended()


@pytest.mark.parametrize("data", [b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n", WHOLE.replace(b"5", b"x"),
                                  CHUNKED.replace(b"3;", b"zz;")])
def test_what_is_no_http_is_told_so(data):
    with pytest.raises(NoHttp):
        Answer().feed(data)


def test_connections_are_kept_and_bodies_take_turns():
    with toy() as service:
        found = put(service, clients=4, bodies=(b"1", b"2", "ä".encode()))
    assert service.connections == 4 and found["errors"] == {}
    assert set(service.seen) == {b"1", b"2", "ä".encode()}
    assert found["answered"] == len(service.seen)
    ms = found["ms"]
    assert 0 < ms["p50"] <= ms["p95"] <= ms["p99"] <= ms["highest"] < 5000 and 0 < found["busy"] <= 1.5
    assert service.heads[0].startswith("POST /predict HTTP/1.1\r\nHost: 127.0.0.1:")


def test_statuses_are_counted_apart_from_good_answers():
    with toy(lambda number, *_: answer(429 if number % 2 else 200)) as service:
        found = put(service)
    assert set(found["errors"]) == {"429"} and abs(found["errors"]["429"] - found["answered"]) <= 1


def test_an_answer_in_pieces_and_one_that_closes():
    def reply(number, *_):
        return [CHUNKED[:30], CHUNKED[30:]] if number % 2 else answer(more="connection: close\r\n")

    with toy(reply) as service:
        found = put(service)
    assert found["errors"] == {} and found["answered"] > 2 and service.connections > 2


def test_a_cut_connection_is_counted_and_made_anew():
    with toy(lambda number, *_: ConnectionError() if number == 3 else answer()) as service:
        found = put(service, seconds=0.5)
    assert found["errors"] == {"connection lost": 1} and service.connections == 2 and found["answered"] > 5


def test_silence_has_an_end():
    with toy(lambda number, *_: None if number == 2 else answer()) as service:
        found = put(service, patience=0.2, seconds=0.5)
    assert found["errors"] == {"no answer within 0.2 s": 1} and found["answered"] > 5


def test_a_slow_answer_counts_though_the_time_is_over():
    import time

    with toy(lambda *_: time.sleep(0.2) or answer()) as service:
        found = put(service, seconds=0.3)
    assert found["answered"] == 2 and 200 <= found["ms"]["p50"] < 400 and found["seconds"] >= 0.39


def test_who_speaks_another_language():
    with toy(lambda *_: b"220 mail.example.org ESMTP\r\n") as service:
        found = put(service, seconds=0.15)
    assert set(found["errors"]) == {"no HTTP"} and found["answered"] == 0 and found["ms"] is None


def test_nobody_there():
    with toy() as service:
        pass
    found = put(service, seconds=0.25)
    assert list(found["errors"]) == ["not connected: connection refused"] and found["answered"] == 0
    assert 2 <= found["errors"]["not connected: connection refused"] <= 4


def test_quantiles_are_of_nearest_rank():
    found = client.quantiles([number / 1000 for number in range(100, 0, -1)])
    assert {name: round(value, 6) for name, value in found.items()} == {"p50": 50, "p95": 95, "p99": 99, "highest": 100}
    assert client.quantiles([0.002]) == {"p50": 2, "p95": 2, "p99": 2, "highest": 2} and client.quantiles([]) is None


@pytest.fixture
def certified(tmp_path, monkeypatch):
    """TLS for 127.0.0.1, by a certificate that this process trusts."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "toy")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    made = made.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
    (tmp_path / "cert.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    return context


def test_over_tls(certified, monkeypatch):
    with toy(lambda *_: answer(body=b"x" * 100_000), tls=certified) as service:
        found = put(service, clients=3)
        assert asking.facts(target.find(service.url), "/schema", {})["columns"]
        monkeypatch.delenv("SSL_CERT_FILE")
        strange = put(service)
    assert found["answered"] > 3 and found["errors"] == {}
    assert strange["answered"] == 0 and all("not connected" in words for words in strange["errors"])


def test_in_a_process_of_its_own():
    with toy() as service:
        found = put(service, run=load.in_own_process)
    assert found["answered"] > 5 and found["errors"] == {}
