/** What each way to load Frond must be able to do: streams on disk, which take its worker threads, and a user's bcrypt. */
const assert = require("node:assert/strict");
const { mkdtempSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { connect } = require("nats");

const storeDir = mkdtempSync(join(tmpdir(), "frond-package-"));
/** bcrypt of "secret". */
const password = "$2b$04$Pj1ldcrIw.TjGeXrQW8nAu78526np6N1b1uvTg12.Oe5rFJBKlwBS";

module.exports = async function exercise({ createBroker, ConfigError }) {
  try {
    const options = {
      port: 0,
      user: "app",
      password,
      jetstream: { storeDir, maxFile: "10MB" },
      maxPayload: "64KB",
    };
    await withBroker(createBroker, options, async (nc) => {
      assert.equal(nc.info.max_payload, 65_536);
      const manager = await nc.jetstreamManager();
      await manager.streams.add({ name: "ORDERS", subjects: ["orders.>"] });
      assert.equal((await nc.jetstream().publish("orders.new", "one")).seq, 1);
    });
    await withBroker(createBroker, options, async (nc) => {
      const message = await (await nc.jetstreamManager()).streams.getMessage("ORDERS", { seq: 1 });
      assert.equal(message.string(), "one");
    });
    const error = await createBroker({ prot: 1 }).catch((thrown) => thrown);
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /options\.prot/);
  } finally {
    rmSync(storeDir, { recursive: true });
  }
};

async function withBroker(createBroker, options, work) {
  const broker = await createBroker(options);
  try {
    const nc = await connect({ servers: broker.url, user: "app", pass: "secret" });
    await work(nc);
    await nc.close();
  } finally {
    await broker.close();
  }
}
