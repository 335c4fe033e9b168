/** Both builds in one program, as when a test is a module and a library that it uses is CommonJS. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as modules from "frond";

const commonjs = createRequire(import.meta.url)("frond");
assert.notEqual(modules.createBroker, commonjs.createBroker);

for (const [one, other] of [
  [modules, commonjs],
  [commonjs, modules],
]) {
  const storeDir = mkdtempSync(join(tmpdir(), "frond-package-"));
  const clock = new one.Clock();
  const broker = await other.createBroker({ port: 0, clock, jetstream: { storeDir } });
  clock.freeze();
  const beforeMs = broker.clock.nowMs();
  await clock.advance("30s");
  assert.equal(Math.round(broker.clock.nowMs() - beforeMs), 30_000);
  clock.resume();

  await assert.rejects(one.createBroker({ port: 0, jetstream: { storeDir } }), /is in use/);
  await broker.close();
  rmSync(storeDir, { recursive: true });

  const error = await other.createBroker({ prot: 1 }).catch((thrown) => thrown);
  assert.ok(error instanceof one.ConfigError && error instanceof other.ConfigError);
  assert.ok(!(new Error("another") instanceof one.ConfigError));
}
console.log("done");
