/** The files that tell of the process, named by a reload. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startReloadable } from "./reloadable.ts";

const portsFile = `nats-server_${process.pid}.ports`;

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "frond-reload-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("a file that cannot be written refuses the reload, and nothing has changed", async () => {
  const folder = directory();
  const broker = await startReloadable("");
  for (const files of [
    `pid_file: "${folder}/none/x"`,
    `ports_file_dir: "${folder}/none"`,
    `ports_file_dir: "${folder}", pid_file: "${folder}/none/x"`,
    `ports_file_dir: "${folder}", pid_file: "${folder}/pid", jetstream { store_dir: /dev/null/x }`,
  ]) {
    await expect(broker.reload(`max_payload: 5, ${files}`)).rejects.toThrow();
    expect(await broker.info()).toMatchObject({ max_payload: 1_048_576 });
    expect(readdirSync(folder)).toEqual([]);
  }
});

test("a reload that is refused keeps the files that are in use", async () => {
  const [folder, other] = [directory(), directory()];
  const files = `ports_file_dir: "${folder}", pid_file: "${folder}/pid"`;
  const broker = await startReloadable(files);
  for (const change of [
    `ports_file_dir: "${folder}", pid_file: "${folder}/none/x"`,
    `ports_file_dir: "${other}", pid_file: "${folder}/none/x"`,
    `ports_file_dir: "${other}", pid_file: "${folder}/pid", jetstream { store_dir: /dev/null/x }`,
  ]) {
    await expect(broker.reload(change)).rejects.toThrow();
    expect([readdirSync(folder).sort(), readdirSync(other)]).toEqual([[portsFile, "pid"], []]);
  }
  await broker.reload(`ports_file_dir: "${other}", pid_file: "${other}/pid"`);
  expect(existsSync(join(folder, portsFile))).toBe(false);
  expect(readFileSync(join(other, "pid"), "utf8")).toBe(String(process.pid));
  expect(readdirSync(other).sort()).toEqual([portsFile, "pid"]);
});
