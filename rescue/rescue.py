#!/usr/bin/env python3
"""Open a provenkey escrow file without provenkey.

    python3 rescue.py cloud.escrow.age --into FOLDER       unpack the bundle into a new or empty folder
    python3 rescue.py cloud.escrow.age --tar bundle.tar    or write it as one tar file ("-": standard output)

It asks for the passphrase; --passphrase-file F reads it from a file, --identity F opens the escrow with an age
identity (AGE-SECRET-KEY-PQ-1… or AGE-SECRET-KEY-1…) instead. Nothing is written unless every check has passed.

It needs Python 3.9 or newer and one package, "cryptography" 48 or newer:

    python3 -m venv rescue-venv
    rescue-venv/bin/pip install 'cryptography>=48'
    rescue-venv/bin/python rescue.py cloud.escrow.age --into FOLDER

Exit status: 0 opened · 1 could not be opened · 12 wrong passphrase or identity · 64 wrong usage · 130 interrupted.

The sections named in the comments are those of docs/format.md (escrow file, format 1). "age" is the file format of
https://age-encryption.org/v1; "RFC" are the texts at https://www.rfc-editor.org. The program reads from top to bottom
in the order of the work: header, unlocking, payload, tar, manifest, output.
"""

import argparse
import base64
import getpass
import hashlib
import hmac
import io
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import unicodedata
import warnings

INSTALL = "install it in a venv: python3 -m venv rescue-venv && rescue-venv/bin/pip install 'cryptography>=48', " \
    "then run rescue-venv/bin/python rescue.py …"

try:
    from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ImportError as missing:
    print(f"rescue: the Python package cryptography is missing or too old ({missing})", file=sys.stderr)
    print(INSTALL, file=sys.stderr)
    sys.exit(1)

COULD_NOT_RUN = 1
WRONG_SECRET = 12
USAGE = 64
INTERRUPTED = 130

KIB = 1024
MIB = 1024 * KIB


class Refused(Exception):
    """Why the work stops: one line on what happened, one line on what to do, and the exit status."""

    def __init__(self, problem, hint, status=COULD_NOT_RUN):
        super().__init__(problem)
        self.problem = problem
        self.hint = hint
        self.status = status


DAMAGED = "the file is damaged or was changed; fetch another copy, or an older revision, from one of the stores"
FORGED = "this is not what your instance sealed; do not use it, and fetch another copy from another store"


# ---------------------------------------------------------------------------------------------------------------------
# Encodings
# ---------------------------------------------------------------------------------------------------------------------


def unpadded_base64(text):
    """Standard base64 without "=", as age uses it everywhere but in armor; only the canonical form is accepted."""
    if not re.fullmatch(rb"[A-Za-z0-9+/]*", text) or len(text) % 4 == 1:
        raise Refused("the file holds base64 that cannot be read", DAMAGED)
    data = base64.b64decode(text + b"=" * (-len(text) % 4))
    if base64.b64encode(data).rstrip(b"=") != text:
        raise Refused("the file holds base64 that is not canonical", DAMAGED)
    return data


BECH32_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def bech32_checksum(values):
    """The checksum of BIP 173; 1 for a text that is whole."""
    generator = [0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3]
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit in range(5):
            if top >> bit & 1:
                checksum ^= generator[bit]
    return checksum


def bech32_decode(text):
    """The prefix and the bytes of a Bech32 text (BIP 173, without its limit on length, as age says), or None."""
    if text != text.lower() and text != text.upper():
        return None
    text = text.lower()
    prefix, separator, rest = text.rpartition("1")
    if not prefix or not separator or len(rest) < 6 or any(letter not in BECH32_LETTERS for letter in rest):
        return None
    values = [BECH32_LETTERS.index(letter) for letter in rest]
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    if bech32_checksum(expanded + values) != 1:
        return None
    number, bits, data = 0, 0, bytearray()
    for value in values[:-6]:  # the last six letters are the checksum
        number, bits = number << 5 | value, bits + 5
        if bits >= 8:
            bits -= 8
            data.append(number >> bits & 0xFF)
            number &= (1 << bits) - 1
    if bits >= 5 or number != 0:  # what is left over must be less than a letter, and zero
        return None
    return prefix, bytes(data)


def hkdf_sha256(key, salt, info):
    """HKDF-SHA256 with 32 bytes of output (RFC 5869); an empty salt is 32 zero bytes, as the RFC says."""
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(key)


def shown(text):
    """A name from inside a file, quoted so that it cannot play tricks on a terminal."""
    return repr(str(text)[:200])


# ---------------------------------------------------------------------------------------------------------------------
# The age header (docs/format.md, "The age file"; age, "Header" and "ASCII armor")
# ---------------------------------------------------------------------------------------------------------------------

ARMOR_BEGIN = b"-----BEGIN AGE ENCRYPTED FILE-----"
ARMOR_END = b"-----END AGE ENCRYPTED FILE-----"
HEADER_LIMIT = 1 * MIB


class Armor(io.RawIOBase):
    """The bytes inside an armored age file: strict PEM (RFC 7468) with white space allowed before and after."""

    def __init__(self, file):
        super().__init__()
        self.file = file
        self.pending = b""
        self.short_line_seen = False
        self.ended = False
        line = b""
        while not line.strip():
            line = self.next_line()
        if line.lstrip() != ARMOR_BEGIN:
            raise self.refusal()

    @staticmethod
    def refusal():
        return Refused("the armor (the text form of the age file) is not well-formed", DAMAGED)

    def next_line(self):
        """One line without its ending, which is LF or CR LF."""
        line = self.file.readline(4 * KIB)
        if not line:
            raise self.refusal()
        if line.endswith(b"\r\n"):
            return line[:-2]
        return line[:-1] if line.endswith(b"\n") else line

    def decode_line(self):
        """The bytes of one line of 64 letters, or of the shorter last one; nothing at the end line."""
        line = self.next_line()
        if line.rstrip(b" \t") == ARMOR_END:
            if self.file.read(64 * KIB).strip() or self.file.read(1):
                raise Refused("something follows the end of the armored age file", DAMAGED)
            self.ended = True
            return b""
        if self.short_line_seen or not line or len(line) > 64 or len(line) % 4 != 0:
            raise self.refusal()
        self.short_line_seen = len(line) < 64
        letters = line.rstrip(b"=")
        padding = len(line) - len(letters)
        if padding > 2:
            raise self.refusal()
        self.short_line_seen = self.short_line_seen or padding > 0
        return unpadded_base64(letters)

    def readable(self):
        return True

    def readinto(self, buffer):
        while not self.pending and not self.ended:
            self.pending = self.decode_line()
        count = min(len(buffer), len(self.pending))
        buffer[:count] = self.pending[:count]
        self.pending = self.pending[count:]
        return count


def age_bytes(file):
    """A buffered reader of the binary age file from its start, whether the file is armored or not."""
    file.seek(0)
    start = file.read(1 * KIB)
    file.seek(0)
    if start.lstrip().startswith(b"-----BEGIN"):
        return io.BufferedReader(Armor(file), buffer_size=128 * KIB)
    return file


class Stanza:
    """One stanza of an age header: its arguments (the first is the type) and its decoded body."""

    def __init__(self, arguments, body):
        self.type = arguments[0]
        self.arguments = arguments[1:]
        self.body = body


class Header:
    """An age header: the stanzas, the MAC, and the bytes that the MAC covers."""

    def __init__(self, stanzas, mac, covered):
        self.stanzas = stanzas
        self.mac = mac
        self.covered = covered

    def of_type(self, kind):
        return [stanza for stanza in self.stanzas if stanza.type == kind]


def read_header(source):
    """Reads the header and leaves the source at the first byte of the payload."""
    covered = b""

    def line():
        text = source.readline(HEADER_LIMIT)
        if len(covered) + len(text) > HEADER_LIMIT:
            raise Refused("the age header is longer than 1 MiB", DAMAGED)
        if not text.endswith(b"\n"):
            raise Refused("the file ends inside its age header", DAMAGED)
        return text

    first = source.readline(64)
    if first != b"age-encryption.org/v1\n":
        raise Refused("this is not an age v1 file", "name the escrow file, which usually ends in .escrow.age")
    covered += first
    stanzas = []
    while True:
        text = line()
        if text.startswith(b"--- "):
            mac = unpadded_base64(text[4:-1])
            if len(mac) != 32 or not stanzas:
                raise Refused("the end of the age header is not well-formed", DAMAGED)
            # The MAC covers everything up to and including "---", without the space after it (age, "Header MAC").
            return Header(stanzas, mac, covered + b"---")
        if not text.startswith(b"-> "):
            raise Refused("the age header is not well-formed", DAMAGED)
        covered += text
        arguments = text[3:-1].split(b" ")
        if not all(re.fullmatch(rb"[\x21-\x7e]+", argument) for argument in arguments):
            raise Refused("a stanza of the age header is not well-formed", DAMAGED)
        body = b""
        while True:  # lines of 64 letters, then one that is shorter and may be empty (age, "Recipient stanza")
            text = line()
            covered += text
            if len(text) - 1 > 64:
                raise Refused("a stanza of the age header has a line that is too long", DAMAGED)
            body += unpadded_base64(text[:-1])
            if len(text) - 1 < 64:
                break
        stanzas.append(Stanza(arguments, body))


# ---------------------------------------------------------------------------------------------------------------------
# The stanzas that we know (docs/format.md, "The stanzas")
# ---------------------------------------------------------------------------------------------------------------------

HYBRID = b"mlkem768x25519"
X25519 = b"X25519"
SCRYPT = b"scrypt"
ARGON2ID = b"provenkey/argon2id"
SIGNER = b"provenkey/signer"

ZERO_NONCE = bytes(12)  # may be constant: every wrap key is used once (age, "X25519 recipient stanza")


def malformed(stanza):
    return Refused(f"the {stanza.type.decode()} stanza of the header is not well-formed", DAMAGED)


# Type, number of arguments after it, bytes of the first of them (base64), bytes of the body.
KNOWN_STANZAS = [(HYBRID, 1, 1120, 32), (X25519, 1, 32, 32), (ARGON2ID, 4, 16, 48), (SIGNER, 1, 32, 32)]


def check_known_stanzas(header):
    """Argument counts and lengths of every stanza that we know; unknown ones are ignored, as age says."""
    for kind, arguments, first_length, body_length in KNOWN_STANZAS:
        for stanza in header.of_type(kind):
            if len(stanza.arguments) != arguments or len(stanza.body) != body_length:
                raise malformed(stanza)
            if len(unpadded_base64(stanza.arguments[0])) != first_length:
                raise malformed(stanza)
            if not all(re.fullmatch(rb"[1-9][0-9]{0,9}", number) for number in stanza.arguments[1:]):
                raise malformed(stanza)


def check_escrow_stanzas(header):
    """What makes an age file an escrow file: one signer, a hybrid stanza, at most one passphrase stanza."""
    if header.of_type(SCRYPT) or not header.of_type(HYBRID) or not header.of_type(SIGNER):
        raise Refused("this is an age file, but not an escrow file of format 1",
                      "name the escrow file; any other age file is opened with: age -d -i IDENTITY FILE")
    if len(header.of_type(SIGNER)) > 1 or len(header.of_type(ARGON2ID)) > 1:
        raise Refused("the header holds a provenkey stanza twice", DAMAGED)


def hybrid_private_key(seed):
    """The ML-KEM-768 + X25519 (X-Wing) private key of a 32-byte identity: SHAKE-256 gives both halves' seeds."""
    expanded = hashlib.shake_256(seed).digest(96)
    return MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:]))


def open_hybrid(stanza, seed):
    """The 16-byte file key that a mlkem768x25519 stanza wraps (age; HPKE, RFC 9180), or None."""
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    encapsulated = unpadded_base64(stanza.arguments[0])
    try:  # the library says "does not open" to an all-zero X25519 secret as well; age says to refuse the header
        x25519_half = X25519PrivateKey.from_private_bytes(hashlib.shake_256(seed).digest(96)[64:])
        x25519_half.exchange(X25519PublicKey.from_public_bytes(encapsulated[1088:]))
    except ValueError:
        raise malformed(stanza) from None
    try:
        return suite.decrypt(
            encapsulated + stanza.body, hybrid_private_key(seed), info=b"age-encryption.org/mlkem768x25519")
    except InvalidTag:
        return None


def open_x25519(stanza, secret):
    """The 16-byte file key that an X25519 stanza wraps (age, "The X25519 recipient type"), or None."""
    private_key = X25519PrivateKey.from_private_bytes(secret)
    share = unpadded_base64(stanza.arguments[0])
    try:
        shared_secret = private_key.exchange(X25519PublicKey.from_public_bytes(share))
    except ValueError:  # an all-zero shared secret must be refused
        raise malformed(stanza) from None
    wrap_key = hkdf_sha256(
        shared_secret, share + private_key.public_key().public_bytes_raw(), b"age-encryption.org/v1/X25519")
    try:
        return ChaCha20Poly1305(wrap_key).decrypt(ZERO_NONCE, stanza.body, None)
    except InvalidTag:
        return None


def check_kdf_limits(stanza):
    """Refuses a cost that would take the machine's memory or days; done before any work."""
    passes, memory_kib, lanes = (int(number) for number in stanza.arguments[1:])
    if passes > 32 or memory_kib > 4 * 1024 * 1024 or memory_kib < 8 or lanes != 1:
        raise Refused(
            f"the passphrase stanza asks for {passes} passes over {memory_kib} KiB with {lanes} lanes",
            "format 1 allows at most 32 passes, 8 KiB to 4 GiB and 1 lane; this file is damaged or hostile")


def unlock_with_passphrase(header, passphrase):
    """The file key and the escrow identity (docs/format.md, "provenkey/argon2id")."""
    stanza = header.of_type(ARGON2ID)[0]
    salt = unpadded_base64(stanza.arguments[0])
    passes, memory_kib, lanes = (int(number) for number in stanza.arguments[1:])
    try:
        stretched = Argon2id(
            salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=memory_kib).derive(passphrase)
    except MemoryError:
        raise Refused(f"there is not enough memory: the passphrase needs {memory_kib // 1024} MiB",
                      "close other programs or use a machine with more memory") from None
    wrap_key = hkdf_sha256(stretched, b"", b"provenkey/argon2id/v1")
    try:
        escrow_identity = ChaCha20Poly1305(wrap_key).decrypt(ZERO_NONCE, stanza.body, None)
    except InvalidTag:
        raise Refused("the passphrase does not open this escrow",
                      "check the spelling, capital letters and the keyboard layout", WRONG_SECRET) from None
    # The commitment: the *first* hybrid stanza must open with the identity that came out. ChaCha20-Poly1305 alone could
    # be made to open with several passphrases.
    file_key = open_hybrid(header.of_type(HYBRID)[0], escrow_identity)
    if file_key is None:
        raise Refused("the passphrase opens an identity that this escrow is not sealed to", DAMAGED)
    return file_key, escrow_identity


def unlock_with_identities(header, identities):
    """The file key, and the escrow identity when one of the identities is it; else None in its place."""
    hybrid_stanzas = header.of_type(HYBRID)
    for kind, secret in identities:
        if kind == HYBRID:
            for position, stanza in enumerate(hybrid_stanzas):
                file_key = open_hybrid(stanza, secret)
                if file_key is not None:
                    # The first hybrid stanza is sealed to the escrow recipient; others are further people's keys.
                    return file_key, (secret if position == 0 else None)
        if kind == X25519:
            for stanza in header.of_type(X25519):
                file_key = open_x25519(stanza, secret)
                if file_key is not None:
                    return file_key, None
    raise Refused("the escrow is not sealed to this identity",
                  "use the identity that was combined from the shares of this escrow, or the passphrase", WRONG_SECRET)


def check_header_mac(header, file_key):
    """age, "Header MAC": nobody without the file key has changed the header."""
    mac = hmac.new(hkdf_sha256(file_key, b"", b"header"), header.covered, hashlib.sha256).digest()
    if not hmac.compare_digest(mac, header.mac):
        raise Refused("the header does not fit its MAC", DAMAGED)


def check_signer(header, escrow_identity):
    """The instance's signing key, proven to have been there when the escrow was created."""
    stanza = header.of_type(SIGNER)[0]
    public_key = unpadded_base64(stanza.arguments[0])
    if escrow_identity is not None:
        certificate_key = hkdf_sha256(escrow_identity, b"", b"provenkey/signer/v1")
        certificate = hmac.new(certificate_key, public_key, hashlib.sha256).digest()
        if not hmac.compare_digest(certificate, stanza.body):
            raise Refused("the signer was not certified when this escrow was created", FORGED)
    return Ed25519PublicKey.from_public_bytes(public_key)


# ---------------------------------------------------------------------------------------------------------------------
# The payload (age, "Payload"): STREAM, chunks of 64 KiB, each authenticated before a byte of it is used
# ---------------------------------------------------------------------------------------------------------------------

CHUNK = 64 * KIB
TAG = 16


class Payload:
    """The decrypted payload as a stream; `copy_to` receives every decrypted byte as well."""

    def __init__(self, source, file_key, copy_to=None):
        self.source = source
        nonce = self.take(16)
        if len(nonce) != 16:
            raise Refused("the file ends before its payload", DAMAGED)
        self.cipher = ChaCha20Poly1305(hkdf_sha256(file_key, nonce, b"payload"))
        self.copy_to = copy_to
        self.digest = hashlib.sha256()
        self.counter = 0
        self.sealed = self.take(CHUNK + TAG)
        self.plain = b""
        self.ended = False

    def take(self, count):
        """Exactly that many bytes of the file, fewer only at its end."""
        parts = []
        while count > 0:
            part = self.source.read(count)
            if not part:
                break
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def next_chunk(self):
        following = self.take(CHUNK + TAG)
        final = not following
        nonce = self.counter.to_bytes(11, "big") + (b"\x01" if final else b"\x00")
        try:
            plain = self.cipher.decrypt(nonce, self.sealed, None)
        except InvalidTag:
            raise Refused(f"the payload is damaged or cut off near byte {self.counter * CHUNK}", DAMAGED) from None
        if final and not plain and self.counter > 0:
            raise Refused("the payload ends with an empty chunk", DAMAGED)
        self.counter += 1
        self.sealed = following
        self.ended = final
        self.digest.update(plain)
        if self.copy_to is not None:
            self.copy_to.write(plain)
        return plain

    def read(self, count):
        """At most that many bytes; none at the end."""
        while not self.plain and not self.ended:
            self.plain = self.next_chunk()
        part, self.plain = self.plain[:count], self.plain[count:]
        return part

    def read_exactly(self, count):
        parts = []
        while count > 0:
            part = self.read(count)
            if not part:
                raise Refused("the tar ends too early", DAMAGED)
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


# ---------------------------------------------------------------------------------------------------------------------
# The tar (docs/format.md, "The tar"; POSIX.1-2001 pax): regular files only, nothing else
# ---------------------------------------------------------------------------------------------------------------------

BLOCK = 512
PAX_LIMIT = 64 * KIB


def tar_damage(problem):
    return Refused(problem, DAMAGED)


def tar_number(field):
    digits = field.strip(b" \0")
    if not re.fullmatch(rb"[0-7]{1,12}", digits):
        raise tar_damage("a tar header holds a number that is not octal")
    return int(digits, 8)


def pax_records(data):
    """The records "LENGTH KEY=VALUE\\n" of a pax extended header."""
    records = {}
    while data:
        match = re.match(rb"([1-9][0-9]{0,5}) ", data)
        record = data[:int(match.group(1))] if match else b""
        if not match or len(record) != int(match.group(1)) or not record.endswith(b"\n") or b"=" not in record:
            raise tar_damage("a pax header of the tar is not well-formed")
        key, _, value = record[match.end():-1].partition(b"=")
        records[key] = value
        data = data[len(record):]
    return records


def zeros_to_the_end(payload):
    while True:
        block = payload.read(CHUNK)
        if not block:
            return
        if block.count(0) != len(block):
            raise tar_damage("something follows the end of the tar")


def next_member(payload):
    """The path (bytes) and size of the next member, or None when the tar has ended as it should."""
    pax = None
    while True:
        block = payload.read_exactly(BLOCK)
        if block == bytes(BLOCK):
            if pax is not None or payload.read_exactly(BLOCK) != bytes(BLOCK):
                raise tar_damage("the end of the tar is not well-formed")
            zeros_to_the_end(payload)
            return None
        unsigned_sum = sum(block[:148]) + 8 * ord(" ") + sum(block[156:])
        if block[257:263] != b"ustar\0" or tar_number(block[148:156]) != unsigned_sum:
            raise tar_damage("a tar header is damaged, or not of the POSIX kind")
        size = tar_number(block[124:136])
        kind = block[156:157]
        if kind == b"x" and pax is None:
            if size > PAX_LIMIT:
                raise tar_damage("a pax header of the tar is longer than 64 KiB")
            pax = pax_records(read_padded(payload, size))
            continue
        name = block[:100].rstrip(b"\0")
        prefix = block[345:500].rstrip(b"\0")
        path = prefix + b"/" + name if prefix else name
        if pax is not None:
            if any(key.startswith(b"GNU.sparse") or key == b"linkpath" for key in pax):
                raise tar_damage("the tar holds a link or a sparse file")
            path = pax.get(b"path", path)
            if b"size" in pax:
                if not re.fullmatch(rb"[0-9]{1,18}", pax[b"size"]):
                    raise tar_damage("a pax header of the tar holds a size that is no number")
                size = int(pax[b"size"])
        if kind != b"0":
            raise Refused(f"the bundle holds {shown(path.decode('utf-8', 'replace'))}, which is no regular file "
                          "(a folder, link or device)", FORGED)
        return path, size


def read_padded(payload, size):
    """The content of a small member, and its padding to a whole block."""
    data = payload.read_exactly(size)
    skip_padding(payload, size)
    return data


def skip_padding(payload, size):
    padding = payload.read_exactly(-size % BLOCK)
    if padding.count(0) != len(padding):
        raise tar_damage("the padding of a tar member is not zero")


# ---------------------------------------------------------------------------------------------------------------------
# The bundle (docs/format.md, "The bundle")
# ---------------------------------------------------------------------------------------------------------------------

SCHEMA = "provenkey.bundle/1"
README_LIMIT = 1 * MIB
MANIFEST_LIMIT = 16 * MIB
GROUPS = ["config", "keys", "database", "extra"]  # in this order


def safe_path(path):
    """The path as text when it may be created below a folder: relative, no "..", in one of the known groups."""
    try:
        text = path.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("the bundle holds a path that is not UTF-8", FORGED) from None
    parts = text.split("/")
    unsafe_part = any(part in ("", ".", "..") or len(part.encode()) > 255 for part in parts)
    unsafe_letter = "\\" in text or any(unicodedata.category(letter) == "Cc" for letter in text)
    if unsafe_part or unsafe_letter or len(parts) > 128 or len(path) > 4096 or (os.name == "nt" and ":" in text):
        raise Refused(f"the bundle holds the path {shown(text)}, which is not safe to create", FORGED)
    if text != "README.txt" and (len(parts) < 2 or parts[0] not in GROUPS):
        raise Refused(f"the bundle holds {shown(text)}, which does not belong into a bundle of format 1", FORGED)
    return text


def expect_member(payload, expected, limit):
    """The content of a member that must come next and may be no larger than limit."""
    member = next_member(payload)
    if member is None or member[0] != expected:
        raise Refused(f"the bundle lacks {expected.decode()} where it must be", FORGED)
    if member[1] > limit:
        raise Refused(f"{expected.decode()} of the bundle is larger than {limit // KIB} KiB", FORGED)
    return read_padded(payload, member[1])


def check_signature(signer, manifest, signature_text):
    """manifest.sig: 64 bytes as one line of padded base64; Ed25519 (RFC 8032) over the bytes of manifest.json."""
    try:
        signature = base64.b64decode(signature_text, validate=False)
        if len(signature) != 64 or base64.b64encode(signature) + b"\n" != signature_text:
            raise Refused("manifest.sig is not well-formed", FORGED)
        signer.verify(signature, manifest)
    except (ValueError, InvalidSignature):
        raise Refused("the manifest was not signed by this escrow's instance", FORGED) from None


def read_manifest(data, signer):
    """The manifest, and its members as a list of (path, size, SHA-256 in hex); unknown names are ignored."""
    try:
        manifest = json.loads(data.decode("utf-8"))
        schema = manifest["schema"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused("manifest.json of the bundle cannot be read", FORGED) from None
    if schema != SCHEMA:
        raise Refused(f"the bundle has the schema {shown(schema)}; this program knows {SCHEMA}",
                      "use a newer rescue.py, from the release that sealed this escrow")
    try:
        if not re.fullmatch(r"[0-9a-f]{32}", manifest["escrow"]) or not is_count(manifest["revision"], least=1):
            raise ValueError
        if unpadded_base64(manifest["signer"].encode("utf-8")) != signer.public_bytes_raw():
            raise Refused("manifest.json names another signer than the header", FORGED)
        members = []
        for entry in manifest["members"]:
            if not is_count(entry["size"]) or not re.fullmatch(r"[0-9a-f]{64}", entry["sha256"]):
                raise ValueError
            members.append((safe_path(entry["path"].encode("utf-8")), entry["size"], entry["sha256"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused("manifest.json of the bundle lacks a field of format 1, or has it wrong", FORGED) from None
    paths = [path for path, _, _ in members]
    ranks = [GROUPS.index(path.split("/")[0]) for path in paths[1:] if path != "README.txt"]
    if len(set(paths)) != len(paths) or not paths or paths[0] != "README.txt" or ranks != sorted(ranks):
        raise Refused("manifest.json lists the members twice or in another order than format 1", FORGED)
    folders = {path[:end] for path in paths for end, letter in enumerate(path) if letter == "/"}
    if not folders.isdisjoint(paths):
        raise Refused("manifest.json lists the same path as a file and as a folder", FORGED)
    snapshot = manifest.get("snapshot")
    embedded = snapshot.get("embedded") if isinstance(snapshot, dict) else None
    if embedded is not None and embedded not in paths:
        raise Refused("manifest.json speaks of an embedded snapshot that it does not list", FORGED)
    return manifest, members


def is_count(value, least=0):
    return type(value) is int and least <= value < 2**53


def read_bundle(payload, signer, folder):
    """Checks the whole bundle and returns its manifest; writes each member below folder, unless that is None."""
    readme = expect_member(payload, b"README.txt", README_LIMIT)
    manifest_bytes = expect_member(payload, b"manifest.json", MANIFEST_LIMIT)
    signature = expect_member(payload, b"manifest.sig", 1 * KIB)
    check_signature(signer, manifest_bytes, signature)
    manifest, members = read_manifest(manifest_bytes, signer)
    if (len(readme), hashlib.sha256(readme).hexdigest()) != members[0][1:]:
        raise Refused("README.txt is not what the manifest lists", FORGED)
    for path, data in ("README.txt", readme), ("manifest.json", manifest_bytes), ("manifest.sig", signature):
        write_file(folder, path, [data])
    for path, size, digest in members[1:]:
        member = next_member(payload)
        if member is None:
            raise Refused(f"the bundle lacks {shown(path)}, which the manifest lists", FORGED)
        found_path = safe_path(member[0])
        if found_path != path:
            raise Refused(f"the bundle holds {shown(found_path)} where the manifest lists {shown(path)}", FORGED)
        if member[1] != size:
            raise Refused(f"{shown(path)} has {member[1]} bytes; the manifest says {size}", FORGED)
        found_digest = hashlib.sha256()
        write_file(folder, path, content_blocks(payload, size, found_digest))
        if found_digest.hexdigest() != digest:
            raise Refused(f"{shown(path)} is not what the manifest lists: its SHA-256 differs", FORGED)
    extra = next_member(payload)
    if extra is not None:
        raise Refused(f"the bundle holds {shown(safe_path(extra[0]))}, which the manifest does not list", FORGED)
    return manifest


def content_blocks(payload, size, digest):
    """The content of a member, block by block, so that a large database needs little memory."""
    left = size
    while left > 0:
        block = payload.read(min(left, CHUNK))
        if not block:
            raise tar_damage("the tar ends too early")
        left -= len(block)
        digest.update(block)
        yield block
    skip_padding(payload, size)


# ---------------------------------------------------------------------------------------------------------------------
# Output: beside its place first, then renamed, so that a failed run leaves nothing
# ---------------------------------------------------------------------------------------------------------------------


def write_file(folder, path, blocks):
    """A new file, 0600, below a folder that only we have written to; reads the blocks even when there is no folder."""
    if folder is None:
        for _ in blocks:
            pass
        return
    place = os.path.join(os.fsencode(folder), path.encode("utf-8"))
    os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for block in blocks:
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


def unpack(work, target):
    """Calls work(folder=…) with a temporary folder beside the target and puts it in the target's place."""
    target = os.path.realpath(target)
    if os.path.lexists(target) and (not os.path.isdir(target) or os.listdir(target)):
        raise Refused(f"{shown(target)} exists and is not an empty folder", "name a new or an empty folder")
    temporary = tempfile.mkdtemp(prefix=".rescue-", dir=os.path.dirname(target))  # 0700
    try:
        manifest, _ = work(folder=temporary)
        if os.path.isdir(target):
            os.rmdir(target)  # fails when something has been put there since
        os.rename(temporary, target)
        return manifest
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_tar(work, target):
    """Calls work(copy_to=…) with a temporary file beside the target and puts it in the target's place."""
    target = os.path.abspath(target)
    if os.path.lexists(target):
        raise Refused(f"{shown(target)} exists", "name a new file, or move the old one away")
    descriptor, temporary = tempfile.mkstemp(prefix=".rescue-", dir=os.path.dirname(target))  # 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            manifest, _ = work(copy_to=file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, target)
        return manifest
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def print_tar(work):
    """Checks everything first, then decrypts once more to standard output: no plaintext on disk, none unchecked."""
    if sys.stdout.isatty():
        raise Refused("a tar is not for a terminal", "send it into a file or a pipe: --tar - | tar t", USAGE)
    _, digest = work()
    manifest, digest_again = work(copy_to=sys.stdout.buffer)
    sys.stdout.buffer.flush()
    if digest != digest_again:
        raise Refused("the escrow file changed while it was read", "discard the output and run it again")
    return manifest


# ---------------------------------------------------------------------------------------------------------------------
# The secrets that open the escrow
# ---------------------------------------------------------------------------------------------------------------------


def normalized_passphrase(text):
    """NFC, so that "é" opens the escrow however the keyboard composed it (docs/format.md, "The passphrase")."""
    if not text:
        raise Refused("the passphrase is empty", "type the passphrase that was chosen when the escrow was created",
                      WRONG_SECRET)
    if len(text.encode("utf-8")) > 4096:
        raise Refused("the passphrase is longer than 4096 bytes", "name the file that holds only the passphrase")
    return unicodedata.normalize("NFC", text).encode("utf-8")


def passphrase_from_file(path):
    """The content of the file as UTF-8, without one line ending at its end."""
    with open(path, "rb") as file:
        data = file.read(8 * KIB)  # more than the longest passphrase, which is refused below
    if data.endswith(b"\n"):
        data = data[:-2] if data.endswith(b"\r\n") else data[:-1]
    try:
        return normalized_passphrase(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise Refused(f"the passphrase in {shown(path)} is not UTF-8", "save the file as UTF-8 text") from None


def passphrase_from_terminal():
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)  # never read a passphrase that would be seen
        try:
            return normalized_passphrase(getpass.getpass("Passphrase of the escrow: "))
        except (getpass.GetPassWarning, EOFError):
            raise Refused("there is no terminal to ask for the passphrase",
                          "use --passphrase-file F or --identity F", USAGE) from None
        except UnicodeError:
            raise Refused("the passphrase was not typed as UTF-8", "use a terminal set to UTF-8") from None


def identities_from_file(path):
    """The identities of an age identity file as (type, 32 bytes): one a line, "#" starts a comment."""
    with open(path, "rb") as file:
        data = file.read(1 * MIB)
    hint = "an identity file holds a line AGE-SECRET-KEY-PQ-1… or AGE-SECRET-KEY-1…"
    if data.startswith((b"age-encryption.org/", ARMOR_BEGIN)):
        raise Refused(f"{shown(path)} is itself encrypted", "decrypt it first: age -d -o identity.txt FILE")
    identities = []
    for line in data.decode("utf-8", "replace").splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        decoded = bech32_decode(line)
        if decoded is None or len(decoded[1]) != 32 or line != line.upper():
            raise Refused(f"{shown(path)} holds a line that is no age identity", hint)  # the line itself is secret
        if decoded[0] == "age-secret-key-pq-":
            identities.append((HYBRID, decoded[1]))
        elif decoded[0] == "age-secret-key-":
            identities.append((X25519, decoded[1]))
        else:
            raise Refused(f"{shown(path)} holds an identity of a kind that this program does not know", hint)
    if not identities:
        raise Refused(f"{shown(path)} holds no identity", hint)
    return identities


# ---------------------------------------------------------------------------------------------------------------------
# The program
# ---------------------------------------------------------------------------------------------------------------------


class Arguments(argparse.ArgumentParser):
    def error(self, message):
        raise Refused(message, "see: rescue.py --help", USAGE)


def parse_arguments(words):
    parser = Arguments(
        prog="rescue.py", description="Open a provenkey escrow file without provenkey.",
        epilog="Exit status: 0 opened, 1 could not be opened, 12 wrong passphrase or identity, 64 wrong usage, "
               "130 interrupted.")
    parser.add_argument("escrow", metavar="FILE", help="the escrow file, NAME.escrow.age, binary or armored")
    output = parser.add_mutually_exclusive_group(required=True)
    output.add_argument("--into", metavar="DIR", help="unpack the bundle into this new or empty folder")
    output.add_argument("--tar", metavar="FILE", help="write the bundle as a tar to a new file; - for standard output")
    secret = parser.add_mutually_exclusive_group()
    secret.add_argument("--passphrase-file", metavar="F", help="read the passphrase from this file")
    secret.add_argument("--identity", metavar="F", help="open with this age identity file")
    parser.add_argument(
        "--unproven-signer", action="store_true",
        help="with an identity that is not the escrow identity: accept that nobody can tell who sealed the bundle")
    return parser.parse_args(words)


def unlock(header, arguments):
    """The file key, and the escrow identity if it is known, from the secret that the person has."""
    if arguments.identity is not None:
        file_key, escrow_identity = unlock_with_identities(header, identities_from_file(arguments.identity))
    else:
        if not header.of_type(ARGON2ID):
            raise Refused("this escrow has no passphrase; only its shares open it",
                          "combine the shares with a SLIP-0039 tool and use --identity", WRONG_SECRET)
        check_kdf_limits(header.of_type(ARGON2ID)[0])
        if arguments.passphrase_file is not None:
            passphrase = passphrase_from_file(arguments.passphrase_file)
        else:
            passphrase = passphrase_from_terminal()
        file_key, escrow_identity = unlock_with_passphrase(header, passphrase)
    if len(file_key) != 16:
        raise Refused("the file key has the wrong length", DAMAGED)
    return file_key, escrow_identity


def open_escrow(arguments):
    with open(arguments.escrow, "rb") as file:
        header = read_header(age_bytes(file))
        check_known_stanzas(header)
        check_escrow_stanzas(header)
        file_key, escrow_identity = unlock(header, arguments)
        check_header_mac(header, file_key)
        signer = check_signer(header, escrow_identity)
        if escrow_identity is None and not arguments.unproven_signer:
            raise Refused("this identity opens the escrow but cannot prove who sealed the bundle",
                          "use the passphrase or the escrow identity; or add --unproven-signer if you trust the place "
                          "where the file was kept")

        def work(folder=None, copy_to=None):
            """Decrypts and checks the whole payload: its manifest, and the digest of its plaintext."""
            source = age_bytes(file)
            if read_header(source).covered != header.covered:
                raise Refused("the escrow file changed while it was read", "run it again")
            payload = Payload(source, file_key, copy_to)
            manifest = read_bundle(payload, signer, folder)
            return manifest, payload.digest.digest()

        if arguments.into is not None:
            return unpack(work, arguments.into)
        if arguments.tar == "-":
            return print_tar(work)
        return write_tar(work, arguments.tar)


def say(problem, hint):
    print(f"rescue: {problem}", file=sys.stderr)
    print(hint, file=sys.stderr)


def interrupt(number, frame):
    raise KeyboardInterrupt  # so that SIGTERM and SIGHUP tidy up as Ctrl-C does


def forbid_core_dumps():
    try:
        import resource  # not on Windows
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        pass


def main(words):
    try:
        forbid_core_dumps()
        for name in ("SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), interrupt)
        arguments = parse_arguments(words)
        manifest = open_escrow(arguments)
    except Refused as refused:
        say(refused.problem, refused.hint)
        return refused.status
    except UnsupportedAlgorithm as missing:
        say(f"this cryptography package lacks what is needed ({missing})", INSTALL)
        return COULD_NOT_RUN
    except MemoryError:
        say("there is not enough memory", "close other programs or use a machine with more memory")
        return COULD_NOT_RUN
    except OSError as error:
        say(f"{error.strerror or error}" + (f": {shown(os.fsdecode(error.filename))}" if error.filename else ""),
            "check the path, the permissions and the free space")
        return COULD_NOT_RUN
    except KeyboardInterrupt:
        say("interrupted", "nothing was written; run it again")
        return INTERRUPTED
    answer = sys.stderr if arguments.tar == "-" else sys.stdout
    place = arguments.into if arguments.into is not None else arguments.tar
    print(f"opened escrow {manifest['escrow']}, revision {manifest['revision']}, "
          f"sealed at {shown(manifest.get('sealed_at'))}: {len(manifest['members'])} files", file=answer)
    if place != "-":
        print(f"in {place}" + ("; read README.txt there next" if arguments.into is not None else ""), file=answer)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
