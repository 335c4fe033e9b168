/** Why a TLS handshake failed, in words instead of OpenSSL's codes. */

const words: Readonly<Record<string, string>> = {
  // What came was no handshake.
  ERR_SSL_HTTP_REQUEST: "a plain HTTP request came instead of a TLS handshake",
  ERR_SSL_HTTPS_PROXY_REQUEST: "plain text came instead of a TLS handshake",
  ERR_SSL_WRONG_VERSION_NUMBER: "what came is no TLS handshake",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "what came is no TLS handshake",
  ERR_SSL_LENGTH_TOO_SHORT: "the TLS handshake is malformed",
  ECONNRESET: "the connection was closed in the middle of the handshake",
  // The ends have nothing in common.
  ERR_SSL_UNSUPPORTED_PROTOCOL: "the peer offers no version of TLS that is allowed here",
  ERR_SSL_UNKNOWN_PROTOCOL: "the peer offers no version of TLS that is allowed here",
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: "the peer allows none of the versions of TLS offered here",
  ERR_SSL_NO_SHARED_CIPHER: "the peer offers no cipher suite that is allowed here",
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: "the peer takes no signature that the certificate can make",
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: "the peer found nothing in common (alert handshake_failure)",
  // Certificates.
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: "the peer sent no certificate, which is asked for here",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "the peer asks for a certificate (alert certificate_required)",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA:
    "the peer does not trust the authority of our certificate (alert unknown_ca)",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "the peer refuses our certificate (alert bad_certificate)",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: "the peer refuses our certificate (alert certificate_unknown)",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    "the peer finds our certificate expired (alert certificate_expired)",
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    "our certificate is not made for this (alert unsupported_certificate)",
  SELF_SIGNED_CERT_IN_CHAIN: "the peer's certificate is signed by an authority that is not trusted here",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the peer's certificate is signed by itself alone",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "the peer's certificate is signed by an authority that is not trusted here",
  UNABLE_TO_GET_ISSUER_CERT: "the peer's certificate is signed by an authority that is not trusted here",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "the peer's certificate is signed by an authority that is not trusted here",
  CERT_HAS_EXPIRED: "the peer's certificate has expired",
  CERT_NOT_YET_VALID: "the peer's certificate is not valid yet",
  CERT_SIGNATURE_FAILURE: "the signature of the peer's certificate is wrong",
  INVALID_PURPOSE: "the peer's certificate is not made for this (extendedKeyUsage)",
  ERR_TLS_CERT_ALTNAME_INVALID: "the peer's certificate is for another name",
};

/**
 * @param authorizationError what Node holds against the peer's certificate, which the error itself does not tell
 */
export function tlsFailureText(
  error: Error & { readonly code?: string | undefined; readonly reason?: string },
  authorizationError: unknown = null,
): string {
  const found = typeof authorizationError === "string" ? authorizationError : error.code;
  const known = found === undefined ? undefined : words[found];
  if (known !== undefined) return known;
  // `<thread>:error:<number>:<library>:<function>:<reason>:<file>:<line>:`
  const [, reason] = /error:[0-9A-F]{8}:[^:]*:[^:]*:([^:]*)/.exec(error.message) ?? [];
  return error.reason ?? reason ?? error.message;
}
