import { BlockList, isIPv6 } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { AddressRanges, isAddress } from "../../src/base/address-ranges.ts";

test.each(["1.2.3.4", "0.0.0.0", "::", "::1", "2001:db8::1", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1", "1::8"])(
  "%s is an address",
  (text) => expect(isAddress(text)).toBe(true),
);

test.each([
  "",
  "1.2.3",
  "1.2.3.256",
  "1.2.3.4.5",
  "localhost",
  ":::",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "12345::",
  "g::",
])("%j is none", (text) => expect(isAddress(text)).toBe(false));

test.each(["", "x", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8"])(
  "%j is no range",
  (text) => expect(() => new AddressRanges([text])).toThrow(RangeError),
);

test("an IPv4 range holds IPv4 addresses that are mapped into IPv6", () => {
  const ranges = new AddressRanges(["10.0.0.0/8"]);
  expect(["10.1.2.3", "::ffff:10.1.2.3", "11.0.0.1", "::a01:203"].map((text) => ranges.has(text))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test("ranges hold what Node's own list of addresses holds", () => {
  const address = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.constantFrom("10.0.0.1", "10.0.1.1", "2001:db8::1", "2001:db8:0:1::1"),
  );
  fc.assert(
    fc.property(address, address, fc.nat({ max: 128 }), (network, asked, bits) => {
      const family = isIPv6(network) ? "ipv6" : "ipv4";
      const prefix = family === "ipv6" ? bits : bits % 33;
      const list = new BlockList();
      list.addSubnet(network, prefix, family);
      // Node takes a /0 of IPv6 for everything that is IPv6 only; families are not mixed here.
      if (isIPv6(asked) !== isIPv6(network)) return;
      expect(new AddressRanges([`${network}/${prefix}`]).has(asked)).toBe(
        list.check(asked, isIPv6(asked) ? "ipv6" : "ipv4"),
      );
    }),
  );
});
