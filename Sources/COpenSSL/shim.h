/* The low-level digests: nothing else is as fast for many short messages. OpenSSL keeps them, and calls them deprecated. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/err.h>
#include <openssl/crypto.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <openssl/sha.h>
#include <openssl/hmac.h>
