/** A second CONNECT starts over as somebody else: nothing that the first was given is kept. */
import { afterEach, expect, test } from "vitest";
import { connectRaw, type RawClient } from "../fixture/raw-client.ts";
import { startFrond, type Peer } from "../interop/peer.ts";

const responder = `permissions: { publish: "none", subscribe: ">", allow_responses: true }`;
const config = `accounts {
  A { users: [ { user: a, password: p }, { user: r1, password: p, ${responder} }, { user: r2, password: p, ${responder} } ] }
  B { users: [ { user: b, password: p } ] } }`;

let peer: Peer | null = null;
const open: RawClient[] = [];
afterEach(async () => {
  for (const client of open.splice(0)) client.close();
  await peer?.stop();
  peer = null;
});

const connect = (user: string): string =>
  `CONNECT ${JSON.stringify({ user, pass: "p", verbose: false })}\r\n`;

async function login(user: string): Promise<RawClient> {
  const client = await connectRaw(Number(new URL((peer as Peer).url).port));
  open.push(client);
  await client.line();
  client.send(connect(user));
  await client.untilPong();
  return client;
}

test("the same subject in the same read goes to the account of then", async () => {
  peer = await startFrond(config);
  const [inA, inB] = [await login("a"), await login("b")];
  for (const listener of [inA, inB]) listener.send("SUB x 1\r\n");
  await Promise.all([inA.untilPong(), inB.untilPong()]);
  const client = await login("a");
  const publish = (text: string): string => `PUB x 1\r\n${text}\r\n`;
  client.send(
    `${publish("1")}${publish("2")}${connect("b")}${publish("3")}${publish("4")}${connect("a")}${publish("5")}`,
  );
  await client.untilPong();
  const payloads = (lines: string[]): string => lines.filter((line) => /^\d$/.test(line)).join("");
  expect([payloads(await inA.untilPong()), payloads(await inB.untilPong())]).toEqual(["125", "34"]);
});

test.each(["r2", "r1"])("who was asked as r1 may not answer as %s after it", async (next) => {
  peer = await startFrond(config);
  const client = await login("r1");
  client.send("SUB service 1\r\n");
  await client.untilPong();
  const asking = await login("a");
  asking.send("SUB answer 1\r\nPUB service answer 0\r\n\r\n");
  await asking.untilPong();
  expect(await client.line()).toBe("MSG service 1 answer 0");
  await client.line();
  client.send(`${connect(next)}PUB answer 0\r\n\r\n`);
  expect(await client.untilPong()).toEqual([`-ERR 'Permissions Violation for Publish to "answer"'`]);
  expect(await asking.untilPong()).toEqual([]);
});
