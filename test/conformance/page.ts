import * as core from "@nats-io/nats-core";
import * as natsWs from "nats.ws";
import { type ClientLibrary, classicLibrary, modernLibrary } from "../fixture/client-library.ts";
import { type BrokerControl, playScenario } from "./scenario.ts";
import { scenarioGroups } from "./scenarios/all.ts";

// What runs inside the browser: the libraries, the scenarios, and one function to play one with the other.

const libraries: readonly ClientLibrary[] = [
  classicLibrary("nats.ws", "websocket", natsWs.connect, natsWs),
  modernLibrary("@nats-io/nats-core wsconnect", "websocket", core.wsconnect, core),
];

/** What to play, as the test outside names it. */
export interface PagePlay {
  readonly library: string;
  readonly noun: string;
  readonly scenario: string;
  readonly url: string;
}

/** Set by the test outside: the hand on the broker of the scenario that plays. */
type ControlBroker = (action: keyof BrokerControl, argument?: string) => Promise<void>;

const outside = globalThis as unknown as { controlBroker: ControlBroker };
const broker: BrokerControl = {
  stop: () => outside.controlBroker("stop"),
  start: () => outside.controlBroker("start"),
  lameDuck: () => outside.controlBroker("lameDuck"),
  reload: (config) => outside.controlBroker("reload", config),
};

async function play({ library: name, noun, scenario: title, url }: PagePlay): Promise<void> {
  const library = libraries.find((candidate) => candidate.name === name);
  const scenario = scenarioGroups.find((group) => group.noun === noun)?.scenarios[title];
  if (library === undefined || scenario === undefined)
    throw new Error(`no such play: ${name}, ${noun}, ${title}`);
  await playScenario(scenario, library, () => url, broker);
}

Object.assign(globalThis, { play });
