/** The example for browsers, in two tabs of a Chromium. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type Interface, createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchBrowser } from "../fixture/browser.ts";
import { chromium, describeWith } from "../fixture/needs.ts";

describeWith(chromium(), "the browser example", () => {
  const script = fileURLToPath(new URL("../../examples/browser/run.mjs", import.meta.url));
  const printed: string[] = [];
  let program: ChildProcess;
  let lines: Interface;
  let browser: Browser;
  let address = "";

  beforeAll(async () => {
    const env = { ...process.env, PORT: "0", NODE_OPTIONS: "" };
    const child = spawn(process.execPath, [script], { env, stdio: ["ignore", "pipe", "inherit"] });
    program = child;
    lines = createInterface(child.stdout);
    lines.on("line", (line) => printed.push(line));
    await line(/^page at /);
    address = printed.find((text) => text.startsWith("page at "))?.slice("page at ".length) ?? "";
    browser = await launchBrowser(chromium().path);
  });
  afterAll(async () => {
    await browser?.close();
    program?.kill("SIGKILL");
  });

  /** Waits until the program has printed a line like this. */
  async function line(pattern: RegExp): Promise<void> {
    while (!printed.some((text) => pattern.test(text))) await once(lines, "line");
  }

  async function openTab(): Promise<Page> {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(address);
    await page.waitForFunction(`document.querySelector("#status").textContent === "watching"`);
    await shows(page, "pricing.currency", "EUR");
    expect(errors).toEqual([]);
    return page;
  }

  async function shows(page: Page, key: string, value: string): Promise<void> {
    await page.locator(`tr[data-key="${key}"] td:nth-child(2)`, { hasText: value }).waitFor();
  }

  test("shows the current values, and a change of one tab in the other and in the program", async () => {
    const [one, other] = [await openTab(), await openTab()];
    await shows(other, "pricing.discount", "5");
    await one.fill("input[name=value]", "15");
    await one.click("button");
    await Promise.all([shows(one, "pricing.discount", "15"), shows(other, "pricing.discount", "15")]);
    await line(/^pricing\.discount is 15$/);
  });

  test("an invalid key is refused, and the page says so", async () => {
    const page = await openTab();
    await page.fill("input[name=key]", "../other");
    await page.fill("input[name=value]", "x");
    await page.click("button");
    await page.waitForFunction(`document.querySelector("#status").textContent.includes("invalid key")`);
  });
});
