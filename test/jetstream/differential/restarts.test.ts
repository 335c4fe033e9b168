import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../../fixture/broker-process.ts";
import { Random, seedFromEnvironment } from "../../fuzz/random.ts";
import { LineClient } from "./line-client.ts";
import { type Difference, playBoth, shownDifference, shrink } from "./lockstep.ts";
import { type Operation, shownOperation } from "./operation.ts";
import { Player } from "./player.ts";
import { Sequence } from "./sequence.ts";

// One broker is started again and again, another one never: nobody can tell them apart.

// The same in each run of all tests; chance is for long runs, and for `FROND_SEED`.
const isLong = process.env["FROND_LONG"] === "1" || process.env["FROND_SEED"] !== undefined;
const seed = isLong ? seedFromEnvironment() : 1;
const rounds = Number(process.env["FROND_ROUNDS"] ?? 1);
const length = Number(process.env["FROND_LENGTH"] ?? 60);
const frond = fileURLToPath(new URL("../../../bin/frond", import.meta.url));

describe(`streams of a broker that is started again, seed ${seed}`, () => {
  const folders: string[] = [];
  const brokers = new Set<BrokerProcess>();

  async function start(folder: string, syncInterval: string): Promise<BrokerProcess> {
    const jetstream = `store_dir: ${JSON.stringify(folder)}, sync_interval: ${syncInterval}`;
    const broker = await startBroker({ config: `server_name: beside\njetstream { ${jetstream} }\n` });
    brokers.add(broker);
    return broker;
  }

  function newFolder(): string {
    const folder = mkdtempSync(join(tmpdir(), "frond-again-"));
    folders.push(folder);
    return folder;
  }

  /** Throws what `frond store check` says where it finds something. */
  async function startedAgain(syncInterval: string): Promise<Player> {
    const folder = newFolder();
    let broker = await start(folder, syncInterval);
    return new Player(await LineClient.open(broker.port), async (how) => {
      await (how === "kill" ? broker.kill() : broker.stop());
      brokers.delete(broker);
      execFileSync(process.execPath, [frond, "store", "check", folder], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      broker = await start(folder, syncInterval);
      return LineClient.open(broker.port);
    });
  }

  afterAll(async () => {
    for (const broker of brokers) await broker.kill();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  it.each(["always", '"2m"'])("answer alike, with sync_interval %s", async (interval) => {
    const again = await startedAgain(interval);
    const steady = new Player(await LineClient.open((await start(newFolder(), '"2m"')).port));
    const random = new Random(seed);
    for (let round = 0; round < rounds; round++) {
      const operations = withRestarts(new Sequence(random.fork()).take(length), random);
      const found = await playBoth(operations, again, steady);
      if (found === null) continue;
      const differs = async (shorter: readonly Operation[]): Promise<boolean> =>
        isSame(await playBoth(shorter, again, steady), found);
      const shortest = await shrink(operations.slice(0, found.index + 1), differs, 30);
      const last = (await playBoth(shortest, again, steady)) ?? found;
      expect(shownDifference(seed, shortest, last, ["restarted", "not restarted"])).toBe("");
    }
    again.close();
    steady.close();
  });
});

/** Without what is meant to be gone after a restart, and with restarts. */
function withRestarts(operations: readonly Operation[], random: Random): Operation[] {
  const found: Operation[] = [];
  for (const operation of operations) {
    found.push(kept(operation));
    if (random.chance(8)) found.push({ do: "restart", how: random.pick(["stop", "kill"]) });
  }
  return found;
}

function kept(operation: Operation): Operation {
  if (operation.do === "publish") {
    // A batch that is not complete is forgotten.
    return { ...operation, header: operation.header.replace(/Nats-Batch-[^\r]*\r\n/g, "") };
  }
  if (operation.do !== "ask" || typeof operation.body !== "object" || operation.body === null)
    return operation;
  const text = JSON.stringify(operation.body)
    .replaceAll('"storage":"memory"', '"storage":"file"')
    // Time goes by differently where a broker is started in between.
    .replaceAll(/"name":"(c\d)"/g, '"durable_name":"$1"')
    .replaceAll(/"(mem_storage|direct)":true/g, '"$1":false')
    .replaceAll(/"priority_policy":"\w+"/g, '"priority_policy":"none"');
  return { ...operation, body: JSON.parse(text) as unknown };
}

function isSame(found: Difference | null, before: Difference): boolean {
  return found !== null && shownOperation(found.operation) === shownOperation(before.operation);
}
