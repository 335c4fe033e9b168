import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ArchiveReader, type Entry } from "../../../src/jetstream/backup/archive.ts";
import { encodeChunks, S2Decoder, S2Error, streamIdentifier } from "../../../src/jetstream/backup/s2.ts";

/** A snapshot as nats-server 2.15.3 made it: literals, copies near and far, and repeats. */
const compressed = Buffer.from(
  [
    "/wYAAFMyc1R3TwBOAwA1HoRd4BbETkFUU0FSQzEK7v2oppXM5OwxAACxAXN0YXRlLmpzb257Im1lc3NhZ2VzIjoyLCJieXQFCkA3",
    "MzAsImZpcnN0X3NlcSI6MREOnHRzIjoiMjAyNi0xMS0zMFQwOTozOToyMS42Mjc0ODYxMjJaIiwibGEROQAyDQ1aOAAoMi4xOTQz",
    "Mjg4MzgBOCRudW1fc3ViamVjATBoMiwiY29uc3VtZXJfY291bnQiOjB9A9SeksOQAclAAQCWE3QuMndvcmQwIGFuZCAJCgEGADEV",
    "EAAxBQAANBUQADIFAAA5FRAAMwUABDE2FREANAUAADgVEAlRADIVAAcEMTUVEQlSBDEzFRENUxkRCVMdM1ZUABl0DVMZlQlTGbYJ",
    "UhnWCVE+9gA5Fg1ROqMAGUAJUBlgDVAZgSlHPqIAORYJoR3jCVI9Fg1TORYJUx0zCaU+VAAZdA1TGZUJUxm2CVIZ1glRORYJpTkW",
    "DVE1FglQGUAJUBlgDVAZgQlRPqIAGcIJUR3jCVI9Fg1TORYJUx0zCaU+VAAZdA1TGZUJUxm2CVIZ1glRORYJpTkWDVE1FglQGUAJ",
    "UBlgDVAZgQlRPqIAGcIJUR3jCVI9Fg1TORYJUx0zCaU+VAAZdA1TGZUJUxm2CVIZ1glRORYJpTkWDVE1FglQGUAJUBlgDVAZgQlR",
    "PqIAGcIJUR3jCVI9Fg1TORYJUx0zCaU+VAAZdA1TGZUJUxm2CVIZ1glRORYJpTkWDVE1FglQGUAJUBlgDVAZgQlRPqIAGcIJUR3j",
    "CVI9Fg1TORYJUx0zCaU+VAAZdA1TGZUJUxm2CVIZ1glRORYJpTkWDVE1FglQGUAJUBlgDVAZgQlRPqIAGcIJUR3jCVI9Fg1TORYJ",
    "Ux0zCaU+VAAZdA1TGZUJUxm2CVIZ1glRORYJpTkWDVE1FglQGUAJUBlgDVAZgQlRPqIAGcIJUR3jCVI9Fg1TORYJUx0zCaU+VAAZ",
    "dA1TGZUJUxm2CVIZ1glRORYJpTkWDVE1FglQGUAJUBlgDVAZgQlRPqIAGcIJUR3jCVI9Fg1TORYJUx0zCaU+VAAZdA1TGZVQNCAD",
    "jPTc35TM5OwxAgDSAXQuM3p6EQIVALYEeXkNABRxAAAAAAA=",
  ].join(""),
  "base64",
);

/** In pieces that end where `cuts` say. */
function decode(bytes: Buffer, cuts: readonly number[] = []): Buffer {
  const decoder = new S2Decoder();
  const blocks: Buffer[] = [];
  const ends = [...new Set([...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  );
  let from = 0;
  for (const end of ends) {
    decoder.push(Buffer.from(bytes.subarray(from, end)));
    from = end;
    for (let block = decoder.next(); block !== null; block = decoder.next()) blocks.push(block);
  }
  expect(decoder.isEmpty).toBe(true);
  return Buffer.concat(blocks);
}

function entriesOf(bytes: Buffer): Entry[] {
  const reader = new ArchiveReader(1_000_000);
  reader.push(bytes);
  const entries: Entry[] = [];
  for (let entry = reader.next(); entry !== null; entry = reader.next()) entries.push(entry);
  return entries;
}

const cuts = fc.array(fc.nat(), { maxLength: 20 });

describe("S2", () => {
  it("is read as nats-server writes it", () => {
    const [state, second, third, end] = entriesOf(decode(compressed));
    expect(state?.name).toBe("state.json");
    expect(JSON.parse(String(state?.body))).toMatchObject({ messages: 2, last_seq: 2, consumer_count: 0 });
    expect(second).toMatchObject({ name: "t.2", seq: 1, headerBytes: 0 });
    const words = Array.from({ length: 150 }, (_, at) => `word${(at * at) % 17} and word${at % 5} `);
    expect(String(second?.body)).toBe(words.join(""));
    expect(third).toMatchObject({ name: "t.3", seq: 2 });
    expect(String(third?.body)).toBe(`${"z".repeat(200)}${"y".repeat(9)}q`);
    expect(end).toMatchObject({ name: "", seq: 0, timeMs: 0 });
  });

  it("comes out the same in whatever pieces it comes", () => {
    fc.assert(fc.property(cuts, (where) => decode(compressed, where).equals(decode(compressed))));
  });

  it("gives back what was written", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 5_000 }),
        fc.integer({ min: 1, max: 60 }),
        cuts,
        (bytes, times, where) => {
          const content = Buffer.concat(Array.from({ length: times }, () => bytes));
          const written = Buffer.concat([streamIdentifier, ...encodeChunks(content)]);
          return decode(written, where).equals(content);
        },
      ),
    );
  });

  it("that is damaged is refused, and nothing wrong comes out", () => {
    const whole = decode(compressed);
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const damaged = Buffer.from(compressed);
        for (const [at, value] of changes) damaged[at % damaged.length] = value;
        const decoder = new S2Decoder();
        decoder.push(damaged);
        const blocks: Buffer[] = [];
        try {
          for (let block = decoder.next(); block !== null; block = decoder.next()) blocks.push(block);
        } catch (error) {
          expect(error).toBeInstanceOf(S2Error);
        }
        return whole.includes(Buffer.concat(blocks));
      }),
    );
  });

  it("passes over chunks that may be passed over, and no others", () => {
    const start = streamIdentifier;
    const skipped = Buffer.from([0x99, 3, 0, 0, 1, 2, 3, 0xfe, 0, 0, 0]);
    const [head, body] = encodeChunks(Buffer.from("text")) as [Buffer, Buffer];
    expect(String(decode(Buffer.concat([start, skipped, head, body, skipped, start, head, body])))).toBe(
      "texttext",
    );
    expect(() => decode(Buffer.concat([start, Buffer.from([0x02, 0, 0, 0])]))).toThrow(
      "unknown type of chunk: 2",
    );
    expect(() => decode(Buffer.concat([skipped, start]))).toThrow("not an S2 stream");
    expect(() => decode(Buffer.concat([start, Buffer.from([0x01, 2, 0, 0, 1, 1])]))).toThrow("too short");
  });

  it("does not make room for more than a block may have", () => {
    const block = (...bytes: number[]): Buffer =>
      Buffer.concat([streamIdentifier, Buffer.from([0, bytes.length + 4, 0, 0, 0, 0, 0, 0, ...bytes])]);
    expect(() => decode(block(0xff, 0xff, 0xff, 0xff, 0x0f))).toThrow("block is too long");
    expect(() => decode(block(0xff, 0xff, 0xff, 0xff, 0xff, 0xff))).toThrow("damaged");
    expect(() => decode(block(4, 1, 1))).toThrow("damaged");
    expect(() => decode(Buffer.concat([streamIdentifier, Buffer.from([0, 0xff, 0xff, 0xff])]))).toThrow(
      "too long",
    );
  });
});
