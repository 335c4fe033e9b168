import fc from "fast-check";
import { describe, it } from "vitest";
import { anySizes, beginning, play, scripts, smallSizes } from "./simulation/script.ts";

/** More of the same with `FROND_LONG=1`. */
const runs = process.env["FROND_LONG"] === "1" ? 10_000 : 300;

describe("whatever clients do, each is sent what a server that delivers one by one would send", () => {
  it("with a few clients and messages of all sizes", () => {
    fc.assert(
      fc.property(
        fc.array(beginning, { minLength: 4, maxLength: 4 }),
        scripts({ peers: 4, sizes: anySizes, endings: false }),
        (beginnings, script) => void play(beginnings, script),
      ),
      { numRuns: runs },
    );
  });

  it("with clients coming and going", () => {
    fc.assert(
      fc.property(
        fc.array(beginning, { minLength: 6, maxLength: 6 }),
        scripts({ peers: 6, sizes: smallSizes, endings: true }),
        (beginnings, script) => void play(beginnings, script),
      ),
      { numRuns: runs },
    );
  });

  it("with passes that are flushed early, at any moment", () => {
    fc.assert(
      fc.property(
        fc.array(beginning, { minLength: 5, maxLength: 5 }),
        scripts({ peers: 5, sizes: smallSizes, endings: true }),
        fc.infiniteStream(fc.boolean()),
        (beginnings, script, early) =>
          void play(beginnings, script, ({ pass }) => {
            const { gathered } = pass;
            pass.gathered = (bytes) =>
              gathered.call(pass, early.next().value === true ? 17 * 1024 * 1024 : bytes);
          }),
      ),
      { numRuns: runs },
    );
  });
});
