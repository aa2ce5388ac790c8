"""What a restored Nextcloud would give for each file: written from its documented storage format, and sharing nothing
with provenkey.

It reads as the server reads, with the server's leniency and its strictness: by the row's path hash, with the version
and the size that the row says, and it stops where the server would answer with an error.
"""

import base64
import binascii
import functools
import hashlib
import hmac
import json

from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HEADER = BLOCK = 8192
CIPHERS = {"AES-256-CTR": 32, "AES-128-CTR": 16, "AES-256-CFB": 32, "AES-128-CFB": 16}


class Unreadable(Exception):
    """The server would answer with an error."""


# Key files


@functools.cache
def _wrapping_keys(secret, derived):
    material = HKDF(hashes.SHA512(), 64, salt=None, info=b"").derive(secret) if derived else None
    encryption, authentication = (material[:32], material[32:]) if derived else (secret, secret)
    return (hashlib.pbkdf2_hmac("sha1", encryption, b"phpseclib", 1000, 16),
            hashlib.sha512(authentication + b"a").hexdigest().encode())


def unwrap(data, secret):
    """The plaintext of what the server wrapped under its secret."""
    parts = data.split(b"|")
    if len(parts) not in (3, 4):
        raise Unreadable("not wrapped")
    version = parts[3] if len(parts) == 4 else b"1"
    try:
        ciphertext, mac = binascii.unhexlify(parts[0]), binascii.unhexlify(parts[2])
        iv = binascii.unhexlify(parts[1]) if version >= b"2" else parts[1]
    except binascii.Error:
        raise Unreadable("wrapping is not hexadecimal") from None
    key, mac_key = _wrapping_keys(secret, version == b"3")
    if not hmac.compare_digest(hmac.new(mac_key, parts[0] + parts[1], hashlib.sha512).digest(), mac):
        raise Unreadable("HMAC does not match")
    if len(iv) != 16:
        raise Unreadable("initialisation vector of another length")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    plain = decryptor.update(ciphertext) + decryptor.finalize()
    return plain[:-plain[-1]]


def key_file(data, secret, accepts_raw):
    """The raw key in a key file."""
    try:
        return base64.b64decode(json.loads(unwrap(data, secret))["key"])
    except Unreadable:
        if accepts_raw:
            return data
        raise


# Key pairs


@functools.cache
def _derived(password, salt, rounds, length):
    return hashlib.pbkdf2_hmac("sha256", password, salt, rounds, length)


def header_of(data):
    """Fields of a header, or nothing; and the offset behind it."""
    if not data.startswith(b"HBEGIN"):
        return {}, 0
    end = data.find(b"HEND")
    if end < 0:
        return {}, 0
    words = data[len(b"HBEGIN") + 1:end + 4].split(b":")
    fields = {}
    while words:
        word = words.pop(0)
        if word == b"HEND":
            break
        fields[word.decode("latin-1")] = words.pop(0).decode("latin-1") if words else None
    return fields, end + 4


def private_key(data, password, identity, config):
    """An RSA private key out of its unwrapped blob."""
    fields, start = header_of(data)
    cipher = fields.get("cipher") or "AES-128-CFB"
    length = CIPHERS.get(cipher)
    if length is None:
        raise Unreadable("unsupported cipher")
    form = fields.get("keyFormat") or "password"
    secret, instance = str(config["secret"]).encode(), str(config["instanceid"]).encode()
    if form in ("hash", "hash2"):
        salt = hashlib.sha256(identity.encode() + instance + secret).digest()
        key = _derived(password, salt, 100_000 if form == "hash" else 600_000, length)
    elif form == "password":
        key = password
    else:
        raise Unreadable("unsupported key format")
    plain = decrypt_block(data[start:], key, cipher, 0, "0", fields.get("encoding") == "binary", bool(
        config.get("encryption.legacy_format_support")))
    try:
        return serialization.load_pem_private_key(plain, None)
    except (ValueError, TypeError):
        raise Unreadable("no private key") from None


def public_key(data):
    try:
        return serialization.load_pem_public_key(data)
    except (ValueError, TypeError):
        raise Unreadable("no public key") from None


# Content


def signature(ciphertext, key, suffix):
    return hmac.new(
        hashlib.sha512(key + suffix.encode() + b"a").digest(), ciphertext, hashlib.sha256).hexdigest().encode()


def decrypt_block(block, key, cipher, version, position, is_binary, legacy_support):
    if block == b"":
        return b""
    if b"00sig00" in block[-93:]:
        block = block[:-3] if block.endswith(b"xxx") else b""
        meta, ciphertext = block[-93:], block[:-93]
        iv, given = meta[6:22], meta[29:]
        if not any(hmac.compare_digest(given, signature(ciphertext, key, suffix))
                   for suffix in (f"_{version}_{position}", f"{version}{position}")):
            raise Unreadable("Bad Signature")
    else:
        if not legacy_support or "ctr" in cipher.lower():
            raise Unreadable("Missing Signature")
        block = block[:-2] if block.endswith(b"xx") else b""
        iv, ciphertext = block[-16:], block[:-22]
    if not is_binary:
        try:
            ciphertext = base64.b64decode(ciphertext + b"=" * (-len(ciphertext) % 4))
        except binascii.Error:
            raise Unreadable("not base64") from None
    length = CIPHERS.get(cipher.upper())
    if length is None or len(iv) != 16:
        raise Unreadable("cannot be decrypted")
    aes = algorithms.AES(key[:length].ljust(length, b"\0"))
    decryptor = Cipher(aes, modes.CTR(iv) if "CTR" in cipher.upper() else CFB(iv)).decryptor()
    plain = decryptor.update(ciphertext) + decryptor.finalize()
    if plain in (b"", b"0"):
        raise Unreadable("taken for a failure")
    return plain


class Reader:
    """Reads files of one instance with its unlocked private keys, by id."""

    # By modulus, since a private key takes its time.
    _opened = {}

    def __init__(self, config, private_keys, user_keys):
        self.secret = str(config["secret"]).encode()
        self.accepts_raw = config.get("encryption.key_storage_migrated") is False
        self.legacy_support = bool(config.get("encryption.legacy_format_support"))
        self.private_keys = private_keys
        self.user_keys = user_keys
        self._read = {}

    def _opened_share(self, identity, raw, legacy):
        known = (self.private_keys[identity].private_numbers().public_numbers.n, legacy, raw)
        if known not in self._opened:
            scheme = padding.PKCS1v15() if legacy else padding.OAEP(
                padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
            try:
                self._opened[known] = self.private_keys[identity].decrypt(raw, scheme)
            except ValueError:
                self._opened[known] = None
        return self._opened[known]

    def file_keys(self, keys, wants_new):
        """Key id to file key, nil where it cannot be had; `keys` are the files of the key folder by name."""
        found = {}
        sealed = b""
        if "fileKey" in keys:
            try:
                sealed = key_file(keys["fileKey"], self.secret, self.accepts_raw)
            except Unreadable:
                sealed = None
        for identity in self.private_keys:
            share = keys.get(f"{identity}.shareKey")
            if share is None:
                continue
            found[identity] = None
            try:
                raw = key_file(share, self.secret, self.accepts_raw)
            except Unreadable:
                continue
            if wants_new or sealed == b"":
                key = self._opened_share(identity, raw, False)
                found[identity] = key if key else None
            elif sealed:
                rc4 = self._opened_share(identity, raw, True)
                if rc4 and len(rc4) in (5, 7, 8, 10, 16, 20, 24, 32):
                    found[identity] = Cipher(ARC4(rc4), None).decryptor().update(sealed)
        return found

    def read(self, row, content, keys):
        """What reading gives, as a value to compare; `("given", digest, length)` when the server serves it."""
        known = (row["encrypted"], row["size"], row["unencrypted_size"],
                 None if content is None else hashlib.sha256(content).digest(),
                 tuple(sorted((name, hashlib.sha256(data).digest()) for name, data in keys.items())))
        if known not in self._read:
            try:
                plain, access = self.plaintext(row, content, keys)
                self._read[known] = ("given", hashlib.sha256(plain).hexdigest(), len(plain), access)
            except Unreadable as problem:
                self._read[known] = ("refused", str(problem))
        return self._read[known]

    def plaintext(self, row, content, keys):
        """The bytes that a client would get, and who can open the file."""
        if content is None:
            raise Unreadable("missing")
        if row["encrypted"] == 0:
            if len(content) != row["size"]:
                raise Unreadable("another size")
            return content, ()
        fields, start = header_of(content[:HEADER])
        if not start:
            raise Unreadable("no header")
        module = fields.get("oc_encryption_module") or ("OC_DEFAULT_MODULE" if "cipher" in fields else None)
        if module != "OC_DEFAULT_MODULE":
            raise Unreadable("unknown module")
        cipher = fields.get("cipher") or "AES-128-CFB"
        is_binary = fields.get("encoding") == "binary"
        plain_block = (8096 if is_binary else 6072) if fields.get("signed") == "true" else (
            8168 if is_binary else 6126)
        found = self.file_keys(keys, fields.get("useLegacyFileKey") == "false")
        key = next((key for key in found.values() if key), None)
        size = row["unencrypted_size"] or row["size"]
        if not found and len(content) == HEADER and size in (0, HEADER):
            # Nothing to decrypt, and a key that is not there is no error; one that is damaged is.
            return b"", ()
        if key is None:
            raise Unreadable("no key")
        body = content[HEADER:]
        if size < 0 or size == len(content) or size > len(content):
            size = self._computed_size(body, is_binary)
        plain = b""
        index = 0
        while len(plain) < size:
            position = f"{index}end" if index == size // plain_block else str(index)
            part = decrypt_block(
                body[index * BLOCK:(index + 1) * BLOCK], key, cipher, row["encrypted"], position, is_binary,
                self.legacy_support)
            if not part:
                break
            plain += part
            index += 1
        access = tuple(sorted((identity, value == key) for identity, value in found.items()))
        return plain[:size], access

    @staticmethod
    def _computed_size(body, is_binary):
        total = 0
        for start in range(0, len(body), BLOCK):
            block = body[start:start + BLOCK]
            length = len(block) - (96 if b"00sig00" in block[-93:] else 24)
            total += length if is_binary else length * 3 // 4 - block[:length][-2:].count(b"=")
        return total
