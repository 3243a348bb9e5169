"""Signatures with a key of one's own, as files beside what they sign: optional, and asked for where a key is trusted.

The keys are named by environment variables alone: NOTEMILL_SIGNING_KEY, NOTEMILL_SIGNING_PASSWORD and
NOTEMILL_TRUSTED_KEY.
"""

from notemill.signing.keys import KEPT_BACK, SIGNING, TRUSTED
from notemill.signing.signature import check, check_trusted, may_sign, ready, sign, signature_of, trusts

__all__ = ["KEPT_BACK", "SIGNING", "TRUSTED", "check", "check_trusted", "may_sign", "ready", "sign",
           "signature_of", "trusts"]
