import { afterAll, beforeAll, describe, onTestFinished, test } from "vitest";
import { type BrokerProcess, freePort, startBroker, websocketBlock } from "../fixture/broker-process.ts";
import type { ClientLibrary } from "../fixture/client-library.ts";
import { nodeLibraries } from "../fixture/node-libraries.ts";
import { type BrokerControl, type ScenarioGroup, playScenario } from "./scenario.ts";
import { describeWith, nothing, signals } from "../fixture/needs.ts";

/** A broker for the scenarios of a group, and the hand on it that they get. */
export interface ScenarioBroker {
  readonly control: BrokerControl;
  url(transport: ClientLibrary["transport"]): string;
  end(): Promise<void>;
}

/** Declares a test for each scenario of `group` with each library on Node. */
export function testScenarios(group: ScenarioGroup, libraries = nodeLibraries): void {
  describeWith(group.signals === true ? signals() : nothing, group.noun, () => {
    let shared: ScenarioBroker | undefined;
    if (group.ownBroker !== true) {
      beforeAll(async () => {
        shared = await startScenarioBroker(group);
      });
      afterAll(() => shared?.end());
    }
    describe.each(libraries)("$name", (library) => {
      test.each(Object.entries(group.scenarios))("%s", async (_name, scenario) => {
        const broker = shared ?? (await startScenarioBroker(group));
        // A hook, since a scenario that hangs never comes to its `finally`.
        if (shared === undefined) onTestFinished(() => broker.end());
        await playScenario(scenario, library, () => broker.url(library.transport), broker.control);
      });
    });
  });
}

/** Starts the broker of `group`, with a WebSocket listener besides what its config says. */
export async function startScenarioBroker(group: ScenarioGroup): Promise<ScenarioBroker> {
  // Only a broker that may come back needs ports that it will find free.
  const ports = group.ownBroker === true ? [await freePort(), await freePort()] : [];
  const [port, wsPort] = ports;
  const configFrom = (text = "") => `${text}\n${websocketBlock(group.websocket, wsPort ?? -1)}`;
  const start = () =>
    startBroker({ config: configFrom(group.config), ...(port === undefined ? {} : { port }) });
  let broker: BrokerProcess = await start();
  let starting = Promise.resolve(broker);
  if (broker.wsUrl === undefined) {
    await broker.kill();
    throw new Error(`the ports file names no WebSocket port\n${broker.output}`);
  }
  const urls = { tcp: broker.url, websocket: broker.wsUrl };
  return {
    url: (transport) => urls[transport],
    end: async () => {
      await starting.then((started) => started.kill());
    },
    control: {
      stop: () => broker.kill(),
      start: async () => {
        starting = start();
        broker = await starting;
      },
      lameDuck: async () => broker.signal("SIGUSR2"),
      reload: (config) => broker.reload(configFrom(config)),
    },
  };
}
