import { expect, test } from "vitest";
import { alertFor } from "../../src/transport/tls-alert.ts";

test.each([
  ["CERT_HAS_EXPIRED", 45],
  ["CERT_NOT_YET_VALID", 45],
  ["SELF_SIGNED_CERT_IN_CHAIN", 48],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", 48],
  ["INVALID_PURPOSE", 42],
])("a certificate with %s is refused with alert %i", (code, alert) => {
  expect(alertFor(code)).toBe(alert);
});
