import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openStore, temporaryDirectory } from "../fixture/disk-store.ts";
import { buildRecorder } from "../fixture/power-cut.ts";
import { buildWriter } from "../fixture/store-process.ts";
import { compiler, describeWith, linux } from "../fixture/needs.ts";

interface Report {
  readonly refusal: string | null;
  readonly stored: number;
  readonly removed: number;
  readonly hasRoom: boolean;
  readonly messages: number;
  readonly lastSeq: number;
  readonly faults: string[];
  readonly warnings: string[];
}

let script = "";
beforeAll(async () => {
  script = await buildWriter("full-disk-writer");
});
afterAll(() => rmSync(script, { force: true }));

describeWith([linux(), compiler()], "a full disk", () => {
  it("is told before anything is decided, leaves room to remove, and is over when there is room", async () => {
    const library = buildRecorder(temporaryDirectory());
    const directory = temporaryDirectory();
    const fullPath = join(temporaryDirectory(), "full");
    const env = {
      ...process.env,
      LD_PRELOAD: library,
      FROND_RECORD_DIR: directory,
      FROND_DISK_FULL: fullPath,
    };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [script, directory, fullPath], {
      env,
    });
    // LMDB itself says so, whoever may see it.
    expect(stderr.replaceAll(/(Write error: No space left on device|position \d+, size \d+)\s*/g, "")).toBe(
      "",
    );
    const report = JSON.parse(stdout) as Report;
    expect(report.refusal).toMatch(/no space left on device/i);
    expect(report.stored).toBeGreaterThan(50);
    expect(report.removed).toBe(Math.ceil(report.stored / 2));
    expect(report).toMatchObject({ hasRoom: true, faults: [], lastSeq: report.stored + 1 });
    expect(report.warnings.join("\n")).toMatch(/no space left on device/i);

    const [stream] = [...openStore(directory).store.streams()];
    expect(stream?.log.state).toMatchObject({ messages: report.messages, lastSeq: report.lastSeq });
    expect(stream?.record("state")?.value.toString()).toBe("removed");
  });
});
