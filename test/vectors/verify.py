"""Checks the vectors with nothing but this file, docs/protocol and the standard library of Python 3.

Written from the documents, not from the code: if both agree, the documents say enough. Exit status 0 if all is well.
"""

import base64
import hashlib
import json
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


class Refused(Exception):
    """What a reader must not accept."""


def need(condition, reason):
    if not condition:
        raise Refused(reason)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# Ed25519, RFC 8032 section 5.1: verification in plain arithmetic.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def equal(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def point(encoded):
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    need(y < P, "not a canonical point")
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    need((x * x - square) % P == 0 and not (x == 0 and sign), "not a point")
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
NEUTRAL = (0, 1, 1, 0)


def verify(key, message, signature):
    try:
        need(len(key) == 32 and len(signature) == 64, "length")
        a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
        need(s < L, "not reduced")
        # Canonical, not of small order, without torsion component.
        need(not equal(multiply(8, a), NEUTRAL) and equal(multiply(L, a), NEUTRAL), "not a safe key")
    except Refused:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    return equal(multiply(s, BASE), add(r, multiply(h, a)))


# Entries, docs/protocol/entries.md.

SIGN = {1: b"lab/1/sign-authority\0", 2: b"lab/1/sign-chain\0", 3: b"lab/1/sign-observed\0"}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        need(self.at + count <= len(self.data), "cut short")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size):
        value = int.from_bytes(self.take(size), "big")
        need(value < 2**53, "out of range")
        return value


def parse_entry(data):
    need(len(data) <= 65536, "too large")
    r = Reader(data)
    need(r.number(1) == 1, "version")
    entry = {"kind": r.number(1)}
    need(entry["kind"] in SIGN, "kind")
    for name in ("mesh", "key", "log"):
        entry[name] = r.take(32)
    if entry["kind"] == 1:
        entry["parents"] = [r.take(32) for _ in range(r.number(1))]
        need(len(entry["parents"]) <= 64, "parents")
        need(all(a < b for a, b in zip(entry["parents"], entry["parents"][1:])), "order of parents")
        entry["type"] = r.take(r.number(1)).decode("latin-1")
        word = entry["type"]
        need(1 <= len(word) <= 32 and "a" <= word[0] <= "z", "type")
        need(all(c in "abcdefghijklmnopqrstuvwxyz0123456789-" for c in word), "type")
    elif entry["kind"] == 2:
        entry["class"], entry["seq"], entry["prev"] = r.number(1), r.number(8), r.take(32)
        entry["hlc"], entry["seen"], entry["more"] = (r.number(8), r.number(4)), r.take(32), r.number(2)
        need(entry["seq"] >= 1 and (entry["seq"] == 1) == (entry["prev"] == bytes(32)), "predecessor")
    else:
        entry["seq"], entry["hlc"] = r.number(8), (r.number(8), r.number(4))
        need(entry["seq"] >= 1, "version")
    entry["payload"] = r.take(r.number(4))
    entry["signed"] = data[: r.at]
    entry["signatures"] = [(r.number(1), r.take(r.number(2))) for _ in range(r.number(1))]
    need(r.at == len(data), "bytes after the entry")
    entry["hash"] = sha256(b"lab/1/entry\0", entry["signed"])
    return entry


def is_signed_by(entry, key):
    message = SIGN[entry["kind"]] + entry["signed"]
    return any(scheme == 1 and verify(key, message, signature) for scheme, signature in entry["signatures"])


# Deterministic CBOR, docs/protocol/encoding.md.


def encode(value):
    def head(major, count):
        for size, code in ((1, 24), (2, 25), (4, 26), (8, 27)):
            if count < 24:
                return bytes([major << 5 | count])
            if count < 256**size:
                return bytes([major << 5 | code]) + count.to_bytes(size, "big")
        raise Refused("out of range")

    if value is None or isinstance(value, bool):
        return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, float):
        for code, form in ((0xF9, ">e"), (0xFA, ">f"), (0xFB, ">d")):
            try:
                if struct.unpack(form, struct.pack(form, value))[0] == value:
                    return bytes([code]) + struct.pack(form, value)
            except OverflowError:
                continue
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    members = sorted((encode(key), encode(member)) for key, member in value.items())
    return head(5, len(members)) + b"".join(key + member for key, member in members)


def decode(data):
    def item(r, depth):
        first = r.number(1)
        major, low = first >> 5, first & 31
        if major == 7:
            if low in (20, 21, 22):
                return {20: False, 21: True, 22: None}[low]
            need(low in (25, 26, 27), "simple value")
            return struct.unpack({25: ">e", 26: ">f", 27: ">d"}[low], r.take({25: 2, 26: 4, 27: 8}[low]))[0]
        need(low < 28 and major != 6, "indefinite or tag")
        count = low if low < 24 else r.number(1 << (low - 24))
        if major < 2:
            return count if major == 0 else -1 - count
        if major < 4:
            raw = r.take(count)
            return raw if major == 2 else raw.decode("utf-8")
        need(depth < 32, "depth")
        if major == 4:
            return [item(r, depth + 1) for _ in range(count)]
        return {item(r, depth + 1): item(r, depth + 1) for _ in range(count)}

    r = Reader(data)
    try:
        value = item(r, 0)
        need(r.at == len(data) and encode(value) == data, "not canonical")
    except (UnicodeDecodeError, TypeError, AttributeError) as error:
        raise Refused(str(error)) from error
    return value


# Ledger updates, docs/protocol/ledgers.md.


def parse_update(data, client, next_clock, current, hlc):
    """The writes, in order; `current` maps a path to the clock of its value."""
    r = Reader(data)

    def count():
        value, shift = 0, 0
        while True:
            byte = r.number(1)
            value |= (byte & 127) << shift
            need(value < 2**53, "out of range")
            if byte < 128:
                need(byte or not shift, "longer than it has to be")
                return value
            shift += 7

    def text():
        return r.take(count()).decode("utf-8")

    def any_value():
        kind = r.number(1)
        if kind in (126, 121, 120):
            return {126: None, 121: False, 120: True}[kind]
        if kind == 119:
            return text()
        if kind == 125:
            byte = r.number(1)
            value, shift, negative = byte & 63, 6, byte & 64
            while byte & 128:
                byte = r.number(1)
                value, shift = value | (byte & 127) << shift, shift + 7
            return -value if negative else value
        if kind in (124, 123):
            value = struct.unpack(">f" if kind == 124 else ">d", r.take(4 if kind == 124 else 8))[0]
            return int(value) if value.is_integer() else value
        if kind == 118:
            return dict((text(), any_value()) for _ in range(count()))
        need(kind == 117, "type of value")
        return [any_value() for _ in range(count())]

    try:
        need(count() == 1, "blocks")
        structs = count()
        need(1 <= structs <= 4096 and count() == client and count() == next_clock, "block")
        paths = {clock: path for path, clock in current.items()}
        writes, overwritten = [], []
        for _ in range(structs):
            info = r.number(1)
            if info == 0x28:
                need(count() == 1 and text() == "lab", "parent")
                path = text()
                need(path not in current, "a value that must be named")
            else:
                need(info == 0xA8 and count() == client, "struct")
                clock = count()
                need(clock in paths, "origin")
                path = paths[clock]
                overwritten.append(clock)
            need(count() == 1 and path not in [write["path"] for write in writes], "item")
            value = any_value()
            need(value.get("t") == list(hlc) and set(value) <= {"v", "t", "o"}, "value")
            write = {"path": path, "over": value.get("o", [])}
            writes.append({**write, "value": value["v"]} if "v" in value else write)
        ranges = []
        for clock in sorted(overwritten):
            if ranges and sum(ranges[-1]) == clock:
                ranges[-1][1] += 1
            else:
                ranges.append([clock, 1])
        need(count() == (1 if ranges else 0), "delete set")
        if ranges:
            need(count() == client and count() == len(ranges), "delete set")
            need([[count(), count()] for _ in ranges] == ranges, "delete set")
        need(r.at == len(data), "bytes after the update")
    except (UnicodeDecodeError, AttributeError) as error:
        raise Refused(str(error)) from error
    return writes


# Tokens, docs/protocol/tokens.md.


def read_token(text):
    need(text.startswith("lab1."), "prefix")
    letters = text[5:]
    try:
        data = base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise Refused(str(error)) from error
    need(base64.urlsafe_b64encode(data).rstrip(b"=").decode() == letters and len(data) > 4, "base64url")
    need(data[:4] == sha256(b"lab/1/token-check\0", data[4:])[:4], "check")
    fields = decode(data[4:])
    need(fields["v"] == 1, "version")
    return fields


def load(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return json.load(file)


def plain(value):
    """JSON of the vectors, with byte strings as {"bytes": hex}."""
    if isinstance(value, dict):
        return bytes.fromhex(value["bytes"]) if set(value) == {"bytes"} else {k: plain(v) for k, v in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def same(actual, expected, what):
    if actual != expected:
        sys.exit(f"{what}: {actual!r} is not {expected!r}")


def refuses(read, what):
    try:
        read()
    except Refused:
        return
    sys.exit(f"{what}: was not refused")


def check_entries():
    vectors = load("entries.json")
    for vector in vectors["entries"]:
        entry, name = parse_entry(bytes.fromhex(vector["bytes"])), vector["name"]
        same(entry["hash"].hex(), vector["hash"], name)
        same(entry["signed"].hex(), vector["signed"], name)
        same(entry["payload"].hex(), vector["payload"], name)
        same(len(entry["signatures"]), vector["signatures"], name)
        same(is_signed_by(entry, entry["key"]), vector["signatures"] > 0, f"signature of {name}")
        header = plain(vector["header"])
        for field in ("mesh", "key", "log", "parents", "type", "class", "seq", "prev", "seen", "more"):
            same(entry.get(field), header.get(field), f"{field} of {name}")
        if "hlc" in header:
            same(entry["hlc"], (header["hlc"]["ms"], header["hlc"]["count"]), f"clock of {name}")
    bad = parse_entry(bytes.fromhex(vectors["badSignature"]["bytes"]))
    same((bad["hash"].hex(), is_signed_by(bad, bad["key"])), (vectors["badSignature"]["hash"], False), "bad signature")
    for vector in vectors["refused"]:
        refuses(lambda: parse_entry(bytes.fromhex(vector["bytes"])), vector["name"])
    return len(vectors["entries"]) + len(vectors["refused"]) + 1


def check_authority():
    vectors = load("authority.json")
    keys = {name: bytes.fromhex(key) for name, key in vectors["keys"].items()}
    entries = {}
    for vector in vectors["entries"]:
        entry = parse_entry(bytes.fromhex(vector["bytes"]))
        same((entry["hash"].hex(), entry["type"]), (vector["hash"], vector["type"]), vector["name"])
        same(entry["key"], keys[vector["by"]], f"writer of {vector['name']}")
        same(is_signed_by(entry, entry["key"]), True, f"signature of {vector['name']}")
        same(decode(entry["payload"]), plain(vector["body"]), f"body of {vector['name']}")
        known = [known["hash"] for known in entries.values()]
        same(all(parent in known for parent in entry["parents"]), True, f"parents of {vector['name']}")
        entries[vector["name"]] = entry
    genesis = entries["genesis"]
    same(genesis["hash"].hex(), vectors["mesh"], "mesh id")
    for name in ("root", "alice"):
        same(is_signed_by(genesis, keys[name]), True, f"genesis signed by {name}")
    for log in vectors["logs"]:
        opening, key = entries[log["by"]]["hash"], keys[log["key"]]
        expected = {
            "root": lambda: sha256(b"lab/1/log-root\0", opening, key),
            "founder": lambda: sha256(b"lab/1/log-genesis\0", opening, key),
            "node of a token": lambda: sha256(b"lab/1/log-node\0", opening, key),
            "role of a token": lambda: sha256(b"lab/1/log-role\0", opening, key, log["label"].encode()),
        }.get(log["opens"], lambda: opening)()
        same(log["log"], expected.hex(), f"log of {log['opens']}")
    logs = [bytes.fromhex(log["log"]) for log in vectors["logs"]]
    same(all(entry["log"] in logs for name, entry in entries.items() if name != "genesis"), True, "logs of the entries")
    return len(entries) + len(logs)


def check_ledgers():
    vectors = load("ledgers.json")
    log = bytes.fromhex(vectors["log"])
    same(int.from_bytes(sha256(b"lab/1/client\0", log)[:4], "big"), vectors["client"], "client id")
    clock, current, prev = 0, {}, bytes(32)
    for vector in vectors["entries"]:
        entry = parse_entry(bytes.fromhex(vector["bytes"]))
        same((entry["hash"].hex(), entry["prev"], entry["log"]), (vector["hash"], prev, log), "ledger entry")
        same(entry["payload"].hex(), vector["update"], "payload")
        same(is_signed_by(entry, entry["key"]), True, "signature of a ledger entry")
        same([list(entry["hlc"]), clock], [vector["clock"], vector["firstClock"]], "clocks")
        writes = parse_update(entry["payload"], vectors["client"], clock, current, entry["hlc"])
        same(writes, vector["writes"], "writes")
        for i, write in enumerate(writes):
            current[write["path"]] = clock + i
        clock, prev, hlc = clock + len(writes), entry["hash"], entry["hlc"]
    for vector in vectors["refusedNext"]:
        update = bytes.fromhex(vector["update"])
        refuses(lambda: parse_update(update, vectors["client"], clock, current, hlc), vector["name"])
    return len(vectors["entries"]) + len(vectors["refusedNext"])


def check_tokens():
    vectors = load("tokens.json")
    fields = plain(vectors["fields"])
    same(read_token(vectors["text"]), {"v": 1, **fields}, "token")
    same(sha256(b"lab/1/token-secret\0", fields["secret"]).hex(), vectors["secretHash"], "hash of the secret")
    join = vectors["join"]
    key = bytes.fromhex(join["key"])
    message = b"lab/1/join\0" + fields["mesh"] + key + join["seal"].encode()
    same(message.hex(), join["message"], "join message")
    same(verify(key, message, bytes.fromhex(join["proof"])), True, "join proof")
    for text in vectors["refused"]:
        refuses(lambda: read_token(text), f"token {text!r}")
    return 3 + len(vectors["refused"])


STATUSES = ["alive", "silent", "refused", "unreachable", "left"]


def parse_word(data):
    r = Reader(data)
    prefix, incarnation, status, count = r.take(8), r.number(6), r.number(1), r.number(1)
    accusers = [r.take(8) for _ in range(count)]
    signature = r.take(64) if incarnation else b""
    need(r.at == len(data), "a byte too many")
    return prefix, incarnation, STATUSES[status], accusers, signature


def mixed(start, factor, shift, values):
    value = start
    for taken in values:
        value = ((value ^ taken) * factor) & 0xFFFFFFFF
        value ^= value >> shift
    return value


def digest_of(lines):
    low = high = 0
    for line in lines:
        key, number = bytes.fromhex(line["member"]), line["incarnation"]
        length = {"alive": 5, "unreachable": 11, "left": 4}[line["standing"]]
        values = [int.from_bytes(key[:4], "big"), int.from_bytes(key[4:8], "big"), number >> 32, number & 0xFFFFFFFF, length]
        low ^= mixed(0x811C9DC5, 0x01000193, 13, values)
        high ^= mixed(0x9E3779B9, 0x85EBCA6B, 16, values)
    return high.to_bytes(4, "big") + low.to_bytes(4, "big")


def check_liveness():
    vectors = load("liveness.json")
    mesh = bytes.fromhex(vectors["mesh"])
    message = lambda key, number, status: b"lab/1/sign-own-word\0" + mesh + key + number.to_bytes(6, "big") + bytes([status])
    nas = bytes.fromhex(vectors["keys"]["nas-1"])
    for own in vectors["own"]:
        made = message(nas, own["incarnation"], STATUSES.index(own["status"]))
        same(made.hex(), own["message"], "own word")
        same(verify(nas, made, bytes.fromhex(own["signature"])), True, "signature of an own word")
    for word in vectors["words"]:
        key = bytes.fromhex(word["member"])
        prefix, incarnation, status, accusers, signature = parse_word(bytes.fromhex(word["packed"]))
        same((prefix, incarnation, status), (key[:8], word["incarnation"], word["status"]), "word")
        same(accusers, [bytes.fromhex(accuser)[:8] for accuser in word["accusers"]], "accusers")
        same(verify(key, message(key, incarnation, 4 if status == "left" else 0), signature), True, "signature of a word")
    same(digest_of(vectors["lines"]).hex(), vectors["digest"], "digest")
    messages = {name: decode(bytes.fromhex(body)) for name, body in vectors["messages"].items()}
    same(messages["probe"], {"v": 1, "d": bytes.fromhex(vectors["digest"]), "w": bytes.fromhex(vectors["words"][1]["packed"])}, "probe")
    same(messages["probe-for"], {"v": 1, "m": bytes.fromhex(vectors["keys"]["web-1"])[:8], "c": True}, "probe-for")
    standings = ["alive", "unreachable", "left"]
    packed = b"".join(
        bytes.fromhex(line["member"])[:8] + line["incarnation"].to_bytes(6, "big") + bytes([standings.index(line["standing"])])
        for line in vectors["lines"]
    )
    same(messages["compare-verdicts"], {"v": 1, "t": packed}, "table")
    same(messages["gossip"], {"k": "verdicts", "w": bytes.fromhex(vectors["words"][0]["packed"])}, "gossip")
    return len(vectors["own"]) + len(vectors["words"]) + 1 + len(messages)


if __name__ == "__main__":
    total = check_entries() + check_authority() + check_ledgers() + check_liveness() + check_tokens()
    print(f"{total} vectors verified")
