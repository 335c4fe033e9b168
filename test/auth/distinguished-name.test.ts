import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clientCertificateFromDer } from "../../src/auth/certificate.ts";
import {
  goStandardText,
  keysOfSubject,
  keysOfText,
  parseDistinguishedName,
} from "../../src/auth/distinguished-name.ts";
import type { ClientCertificate } from "../../src/auth/identity.ts";
import { certificates, writtenNames } from "./certificate-fixtures.ts";

test.each(writtenNames)("%j is read as the reference server reads it", (text, relativeNames) => {
  expect(parseDistinguishedName(text)).toEqual(relativeNames);
});

describe.each(certificates)("the subject of the certificate $name", (fixture) => {
  const { subjectName } = clientCertificateFromDer(Buffer.from(fixture.der, "base64")) as ClientCertificate;

  test("is written as Go writes its standard attributes", () => {
    expect(goStandardText(subjectName)).toBe(fixture.standard);
  });

  test("can be compared when every attribute has a name, and only then", () => {
    const keys = keysOfSubject(subjectName);
    if (fixture.relativeNames === null || fixture.relativeNames.length === 0) return expect(keys).toBeNull();
    const written = fixture.relativeNames.map(write).join(",");
    const hasEmptyEnd = fixture.relativeNames.at(-1)?.at(-1)?.[1] === "";
    if (!hasEmptyEnd) expect(keysOfText(written)).toEqual(keys);
    const reversed = fixture.relativeNames.toReversed().map(write).join(",");
    expect(keysOfText(reversed)?.reordered === keys?.reordered).toBe(!hasEmptyEnd);
  });
});

describe("names that mean the same", () => {
  const same = (left: string, right: string, how: "exact" | "reordered"): boolean => {
    const [a, b] = [keysOfText(left), keysOfText(right)];
    return a !== null && b !== null && a[how] === b[how];
  };

  test.each([
    ["CN=a,OU=b", "cn=a, ou=b", "exact", true],
    ["CN=a,OU=b", "OU=b,CN=a", "exact", false],
    ["CN=a,OU=b", "OU=b,CN=a", "reordered", true],
    ["CN=a+OU=b,O=c", "OU=b+CN=a,O=c", "exact", true],
    ["CN=a,OU=b", "CN=a+OU=b", "reordered", false],
    ["CN=a", "CN=A", "reordered", false],
    ["CN=a,CN=a", "CN=a", "reordered", false],
    ["CN=a\\,OU=b", "CN=a,OU=b", "reordered", false],
    ['CN="a","b"', "CN=a,b", "reordered", false],
    // An empty name is nobody's.
    ["", "", "exact", false],
    ["CN=", "CN=", "exact", false],
  ] as const)("%j and %j (%s): %s", (left, right, how, expected) => {
    expect(same(left, right, how)).toBe(expected);
  });
});

test("any text is read or refused, never thrown over", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.array(fc.constantFrom("CN", "=", ",", "+", "\\", " ", "#", "4a", "é")).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (name) => {
      const relativeNames = parseDistinguishedName(name);
      if (relativeNames === null) expect(keysOfText(name)).toBeNull();
      for (const attributes of relativeNames ?? [])
        for (const [type] of attributes) expect(type).not.toBe("");
    }),
    { numRuns: 2000 },
  );
});

function write(attributes: readonly (readonly [string, string])[]): string {
  return attributes.map(([type, value]) => `${type}=${value.replace(/[,+"\\<>;= #]/g, "\\$&")}`).join("+");
}
