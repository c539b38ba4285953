#!/usr/bin/env python3
"""A second reading of RFC 3261 s25, in regular expressions, held against the parser.

    reference.py VERDICTS TORTURE_FOLDER [MUTATIONS [SEED]]

VERDICTS is the program built from verdicts.cpp. Every message of RFC 4475 and RFC 5118, and MUTATIONS broken copies of
them, must be valid or invalid for both. Where Muster is more lenient than the RFC on purpose, the grammar here is too,
and says so in a comment that begins with "Lenient".
"""

import pathlib
import random
import re
import subprocess
import sys

TOKEN = r"[A-Za-z0-9\-.!%*_+`'~]+"
ESCAPED = r"%[0-9A-Fa-f]{2}"
QUOTED = r'"(?:[^"\\]|\\.)*"'
LWS, SWS = r"[ \t\r\n]+", r"[ \t\r\n]*"  # folds are checked line by line
WORD = r"[A-Za-z0-9\-.!%*_+`'~()<>:\\\"/\[\]?{}@]+"
# Lenient: hosts may hold "_", and labels are not counted; an IPv6 reference is hexadecimal digits, colons and dots.
HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._]+)"
VIA_HOST = HOST.replace("[0-9A-Fa-f:.]+", "[0-9A-Fa-f:.]*")  # Lenient: read as far as it can be answered
UNRESERVED = r"A-Za-z0-9\-_.!~*'()"
PVALUE = rf"(?:[{UNRESERVED}\[\]/:&+$]|{ESCAPED})+"
HNAME, HVALUE = rf"(?:[{UNRESERVED}\[\]/?:+$]|{ESCAPED})+", rf"(?:[{UNRESERVED}\[\]/?:+$]|{ESCAPED})*"
SIP_URI = re.compile(
    rf"sips?:(?:(?:[{UNRESERVED}&=+$,;?/]|{ESCAPED})+(?::(?:[{UNRESERVED}&=+$,]|{ESCAPED})*)?@)?{HOST}(?::(\d+))?"
    rf"((?:;{PVALUE}(?:={PVALUE})?)*)(\?{HNAME}={HVALUE}(?:&{HNAME}={HVALUE})*)?", re.I)
TEL_URI = re.compile(rf"tel:\+?[0-9A-Fa-f*#\-.()]+(?:;{PVALUE}(?:={PVALUE})?)*", re.I)
# Lenient: other schemes are kept as text.
OTHER_URI = re.compile(rf"[A-Za-z][A-Za-z0-9+\-.]*:[{UNRESERVED};/?:@&=+$,%#\[\]]+")
# Lenient: a value may be a host, and holds "/", "@", "$", "&", "=" and "?", as phones send them.
GEN_VALUE = rf"(?:{QUOTED}|[A-Za-z0-9\-.!%*_+`'~\[\]:/@$&=?]+)"
PARAM = rf"{SWS};{SWS}({TOKEN})(?:{SWS}={SWS}({GEN_VALUE}))?{SWS}"
PARAMS = rf"((?:{PARAM})*)"
# Lenient: UTF-8 in a display name without quotes.
DISPLAY = rf"(?:{QUOTED}{SWS}|[A-Za-z0-9\-.!%*_+`'~ \t\r\n\x80-\xff]*)"
NAME_ADDR = re.compile(rf"{DISPLAY}<([^>]*)>{SWS}{PARAMS}", re.S)
ADDR_SPEC = re.compile(rf"([^;]*?){SWS}{PARAMS}", re.S)
VIA = re.compile(rf"SIP{SWS}/{SWS}{TOKEN}{SWS}/{SWS}{TOKEN}{LWS}{VIA_HOST}(?:{SWS}:{SWS}(\d+))?{PARAMS}", re.S | re.I)
COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "l": "content-length", "c": "content-type",
           "o": "event"}
SINGLE = {"to", "from", "call-id", "cseq", "content-length", "max-forwards", "expires", "content-type", "event", "date"}


def number(text, most):
    return re.fullmatch(r"[0-9]+", text) is not None and int(text) <= most


def is_uri(text, headers=True):
    if re.match(r"sips?:", text, re.I):
        found = SIP_URI.fullmatch(text)
        return (found is not None and (found[1] is None or (number(found[1], 65535) and int(found[1]) > 0))
                and found[2].count(";") <= 32 and (found[3] or "").count("&") < 32 and (headers or not found[3]))
    if re.match(r"tel:", text, re.I):
        return TEL_URI.fullmatch(text) is not None
    return OTHER_URI.fullmatch(text) is not None


def is_address(value):
    found = NAME_ADDR.fullmatch(value)
    if not found:
        found = ADDR_SPEC.fullmatch(value)
        if not found or "?" in found[1] or re.match(rf"{DISPLAY}<", value, re.S) or value.startswith('"'):
            return False
    tag = re.search(rf";{SWS}tag(?!{TOKEN})(?:{SWS}={SWS}({GEN_VALUE}))?", found[2], re.I | re.S)
    return is_uri(found[1]) and not (tag and not tag[1])


def split_values(value):
    """At commas outside quotes and angle brackets; an unclosed quote takes the rest."""
    parts, at, start, bracketed = [], 0, 0, False
    while at < len(value):
        c = value[at]
        if c == '"' and not bracketed:
            quoted = re.compile(QUOTED, re.S).match(value, at)
            at = quoted.end() if quoted else len(value)
            continue
        bracketed = c == "<" or (bracketed and c != ">")
        if c == "," and not bracketed:
            parts.append(value[start:at])
            start = at + 1
        at += 1
    return [part.strip(" \t\r\n") for part in parts + [value[start:]]]


def is_via(value):
    found = VIA.fullmatch(value)
    return found is not None and (found[1] is None or number(found[1], 65535))


def good_characters(value):
    """No control characters but HTAB, unless in a quoted pair."""
    quoted, at = False, 0
    while at < len(value):
        c = value[at]
        if c == '"':
            quoted = not quoted
        if c == "\\" and quoted and at + 1 < len(value):
            at += 1
        elif (c < " " and c != "\t") or c == "\x7f":
            return False
        at += 1
    return True


def is_field(name, value, method):
    if name in ("from", "to"):
        return is_address(value)
    if name == "via":
        return all(is_via(one) for one in split_values(value))
    if name == "call-id":
        return re.fullmatch(rf"{WORD.replace('@', '')}(?:@{WORD.replace('@', '')})?|{WORD}@{WORD}", value) is not None
    if name == "cseq":
        found = re.fullmatch(rf"([0-9]+){LWS}({TOKEN})", value)
        return found is not None and number(found[1], 2**32 - 1) and method in (None, found[2])
    if name == "max-forwards":
        return number(value, 255)
    if name == "content-length":
        return number(value, 2**64 - 1)
    return True


def is_valid(message):
    text = message.decode("latin-1")
    while text.startswith("\r\n"):
        text = text[2:]
    head, end, body = text.partition("\r\n\r\n")
    if not end:
        return False
    start, *lines = re.split(r"\r\n(?![ \t])", head)
    if "\r\n" in start:  # folded
        return False
    method = None
    if not re.fullmatch(r"SIP/2\.0 [1-6][0-9]{2}(?: .*)?", start, re.S | re.I):
        request = re.fullmatch(rf"({TOKEN}) (\S+) SIP/2\.0", start, re.I)
        if not request or not is_uri(request[2], headers=False):
            return False
        method = request[1]
    if len(lines) > 128:
        return False
    seen = {}
    for line in lines:
        found = re.fullmatch(rf"({TOKEN})[ \t]*:(.*)", line, re.S)
        if not found:
            return False
        value = re.sub(r"\r\n([ \t])", r"\1", found[2])
        name = found[1].lower()
        name = COMPACT.get(name, name)
        if not good_characters(value):
            return False
        value = value.strip(" \t")
        if not is_field(name, value, method):
            return False
        seen.setdefault(name, []).append(value)
    if any(len(seen.get(name, ())) > 1 for name in SINGLE):
        return False
    if any(name not in seen for name in ("via", "from", "to", "call-id", "cseq")):
        return False
    return "content-length" not in seen or int(seen["content-length"][0]) <= len(body)


PIECES = [b"\r\n", b"\r\n ", b"\n", b"\r", b";", b",", b":", b'"', b"\\", b"<", b">", b"@", b"%", b"%00", b"?", b"=",
          b"&", b"[", b"]", b" ", b"\t", b"\0", b"\x7f", b"\xc3", b"4294967296", b"-1", b";tag=", b"Via:", b"To: <sip:a@b>\r\n"]


def mutated(message, chance):
    for _ in range(chance.randint(1, 3)):
        at, length = chance.randrange(len(message) + 1), chance.randint(0, 6)
        kind = chance.randrange(3)
        put = b"" if kind == 0 else chance.choice(PIECES) if kind == 1 else message[at:at + length]
        gone = 0 if kind == 2 else length * chance.randrange(2)
        message = message[:at] + put + message[at + gone:]
    return message


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    count, seed = (int(given) for given in (sys.argv[3:] + ["2000", "1"][len(sys.argv) - 3:])[:2])
    torture = sorted(path for path in folder.rglob("*") if path.suffix in (".dat", ".sip"))
    messages = [(path.name, path.read_bytes()) for path in torture]
    if len(messages) < 60:
        sys.exit(f"only {len(messages)} messages in {folder}")
    chance = random.Random(seed)
    for number_of in range(count):
        name, message = chance.choice(messages[:len(torture)])
        messages.append((f"mutation {number_of} of {name}", mutated(message, chance)))
    lines = subprocess.run([program], input=b"".join(b"%d\n%s" % (len(m), m) for _, m in messages), check=True,
                           stdout=subprocess.PIPE).stdout.decode().splitlines()
    assert len(lines) == len(messages)
    differences = valid = 0
    for (name, message), line in zip(messages, lines):
        wanted = is_valid(message)
        valid += wanted
        if wanted != line.startswith("valid "):
            differences += 1
            print(f"{name}: the parser says {line}, the grammar {'valid' if wanted else 'invalid'}\n{message!r}")
    print(f"{len(messages)} messages, {valid} of them valid, {differences} judged differently")
    sys.exit(differences != 0 or not count // 10 < valid < len(messages) * 9 // 10)


if __name__ == "__main__":
    main()
