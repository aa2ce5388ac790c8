// HMAC_… are what `openssl speed` itself ran on for years, and carry on; OpenSSL 3 only prefers other names for them.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

/* A macro of OpenSSL's with a variable number of arguments, which Swift does not see. */
static inline EVP_PKEY *makeRSAKey(unsigned int bits) { return EVP_RSA_gen(bits); }
