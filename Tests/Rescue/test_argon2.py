"""The Argon2id that rescue.py uses, against RFC 9106; what libsodium gives is compared with it in SecretMemoryTests."""

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id


def test_the_vector_of_rfc_9106_section_5_3():
    derived = Argon2id(
        salt=b"\x02" * 16, length=32, iterations=3, lanes=4, memory_cost=32, ad=b"\x04" * 12, secret=b"\x03" * 8,
    ).derive(b"\x01" * 32)
    assert derived.hex() == "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"


def test_the_vectors_that_libsodium_is_held_against():
    for passphrase, salt, passes, memory, key in (
        (b"password", b"somesaltsomesalt", 2, 64, "1a98fba8e6394425c9bdc333a9c750aaf811df070f5fb4a5788e1cf4db5793a1"),
        ("pässword".encode(), bytes(range(16)), 1, 1024,
         "e01a8f20778a91722c41abfe375f50bf209025113dff5ad2482116869d034d68"),
        (b"", bytes(16), 3, 8, "66f1d28991b268ca4d8cb37c16ec9b92"),
    ):
        derived = Argon2id(salt=salt, length=len(key) // 2, iterations=passes, lanes=1, memory_cost=memory)
        assert derived.derive(passphrase).hex() == key
