import type { BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import {
  type BrokerProcess,
  certificatePath,
  startBroker,
  websocketBlock,
} from "../fixture/broker-process.ts";
import { type TestBrowser, startBrowser } from "../fixture/browser.ts";
import type { PagePlay } from "./page.ts";
import type { BrokerControl, ScenarioGroup } from "./scenario.ts";
import { type ScenarioBroker, startScenarioBroker } from "./scenario-run.ts";
import { scenarioGroups } from "./scenarios/all.ts";
import { delivery } from "./scenarios/delivery.ts";
import { chromium, describeWith, nothing, signals } from "../fixture/needs.ts";

// The scenarios of the other files once more, played by the libraries inside a page.

const libraries = ["nats.ws", "@nats-io/nats-core wsconnect"];

const browser = chromium();

describeWith(browser, "in a browser", () => {
  let tested: TestBrowser | undefined;
  let page: Page;
  let control: BrokerControl | undefined;

  beforeAll(async () => {
    tested = await startBrowser(browser.path, new URL("./page.ts", import.meta.url));
    page = await openPage(await tested.browser.newContext());
    await page.exposeFunction("controlBroker", (action: keyof BrokerControl, argument = "") =>
      control?.[action](argument),
    );
  });
  afterAll(() => tested?.close());

  async function openPage(context: BrowserContext): Promise<Page> {
    const opened = await context.newPage();
    await opened.goto(`${tested?.origin}/`);
    await opened.waitForFunction("typeof globalThis.play === 'function'");
    return opened;
  }

  function testGroup(group: ScenarioGroup): void {
    describeWith(group.signals === true ? signals() : nothing, group.noun, () => {
      let shared: ScenarioBroker | undefined;
      if (group.ownBroker !== true) {
        beforeAll(async () => {
          shared = await startScenarioBroker(group);
        });
        afterAll(() => shared?.end());
      }
      describe.each(libraries)("%s", (library) => {
        test.each(Object.keys(group.scenarios))("%s", async (scenario) => {
          const broker = shared ?? (await startScenarioBroker(group));
          if (shared === undefined) onTestFinished(() => broker.end());
          control = broker.control;
          await play(page, { library, noun: group.noun, scenario, url: broker.url("websocket") });
        });
      });
    });
  }

  for (const group of scenarioGroups) testGroup(group);

  describe("the listener", () => {
    const brokers: BrokerProcess[] = [];
    afterEach(async () => {
      await Promise.all(brokers.splice(0).map((broker) => broker.kill()));
    });

    async function brokerWith(config: string): Promise<BrokerProcess> {
      const broker = await startBroker({ config });
      brokers.push(broker);
      return broker;
    }

    function playDelivery(on: Page, library: string, broker: BrokerProcess): Promise<void> {
      const [scenario = ""] = Object.keys(delivery.scenarios);
      return play(on, { library, noun: delivery.noun, scenario, url: broker.wsUrl ?? "" });
    }

    test.each(libraries)("serves pages of an allowed origin only (%s)", async (library) => {
      const allowing = await brokerWith(
        websocketBlock(`no_tls: true, allowed_origins: ["${tested?.origin}"]`),
      );
      await playDelivery(page, library, allowing);
      const refusing = await brokerWith(
        websocketBlock('no_tls: true, allowed_origins: ["http://other.example"]'),
      );
      await expect(playDelivery(page, library, refusing)).rejects.toThrow();
      // The page comes from another port, so it has another origin than the broker.
      const same = await brokerWith(websocketBlock("no_tls: true, same_origin: true"));
      await expect(playDelivery(page, library, same)).rejects.toThrow();
    });

    test.each(libraries)("speaks TLS (%s)", async (library) => {
      const files = `cert_file: ${certificatePath("server.pem")}, key_file: ${certificatePath("server-key.pem")}`;
      const broker = await brokerWith(websocketBlock(`tls { ${files} }`));
      // No browser on the machine knows the authority of the test's certificates.
      const trusting = await tested?.browser.newContext({ ignoreHTTPSErrors: true });
      if (trusting === undefined) throw new Error("the browser did not start");
      await playDelivery(await openPage(trusting), library, broker);
      await trusting.close();
      await expect(playDelivery(page, library, broker)).rejects.toThrow();
    });

    test.each(libraries)("compresses (%s)", async (library) => {
      const broker = await brokerWith(websocketBlock("no_tls: true, compression: true"));
      for (const scenario of Object.keys(delivery.scenarios)) {
        await play(page, { library, noun: delivery.noun, scenario, url: broker.wsUrl ?? "" });
      }
    });

    test.each(libraries)("takes credentials from cookies (%s)", async (library) => {
      const broker = await brokerWith(`authorization { user: alice, password: s3cret }
        ${websocketBlock('no_tls: true, user_cookie: "who", pass_cookie: "secret"')}`);
      const context = await tested?.browser.newContext();
      if (context === undefined) throw new Error("the browser did not start");
      const visitor = await openPage(context);
      await expect(playDelivery(visitor, library, broker)).rejects.toThrow();
      // Cookies are for a host, whatever its port.
      await visitor.evaluate("document.cookie = 'who=alice'; document.cookie = 'secret=s3cret'");
      await playDelivery(visitor, library, broker);
      await context.close();
    });
  });
});

async function play(page: Page, what: PagePlay): Promise<void> {
  await page.evaluate(`globalThis.play(${JSON.stringify(what)})`);
}
