/** The suite of all message logs over one on disk, whose groups are applied now and then, in part or not at all. */
import { DiskFixture } from "../disk-log-fixture.ts";
import { testMessageLog } from "../log-suite.ts";

for (const [name, count, cacheBytes] of [
  ["applied at each settling", Infinity, 1 << 20],
  ["applied late and without a cache", 1, 0],
  ["never applied before it is opened again", 0, 1 << 20],
] as const)
  testMessageLog(
    `disk log, ${name}`,
    async () => {
      const fixture = new DiskFixture(cacheBytes);
      return {
        get log() {
          return fixture.log;
        },
        settle: async () => {
          fixture.writer.end();
          fixture.apply(count);
        },
        reopen: () => fixture.reopen(),
        close: () => fixture.close(),
      };
    },
    10,
  );
