import { describe, expect, it } from "vitest";
import type { Authenticator, AuthRequest, Identity } from "../../src/auth/identity.ts";
import { Permissions } from "../../src/auth/permissions.ts";
import { unlimited, World } from "./simulation/world.ts";

interface Asked {
  readonly request: AuthRequest;
  readonly answer: (identity: Identity | null) => Promise<void>;
  readonly fail: (error: Error) => Promise<void>;
}

/** Answers when the test says so, as one that has to hash passwords. */
class SlowDoor implements Authenticator {
  readonly required = true;
  readonly requiredInInfo = true;
  needsNonce = false;
  readonly asked: Asked[] = [];
  guest: Identity | null = null;

  async prepare(): Promise<void> {}

  authenticate(request: AuthRequest): Promise<Identity | null> {
    return new Promise((resolve, reject) => {
      const settled = async (): Promise<void> => new Promise((done) => setImmediate(done));
      this.asked.push({
        request,
        answer: async (identity) => {
          resolve(identity);
          await settled();
        },
        fail: async (error) => {
          reject(error);
          await settled();
        },
      });
    });
  }

  anonymous(): Identity | null {
    return this.guest;
  }
}

function identity(account = "$G", user = "u"): Identity {
  return { account, user, permissions: null };
}

function setUp(): { door: SlowDoor; world: World; place: number } {
  const door = new SlowDoor();
  const world = new World(door);
  return { door, world, place: world.connect() };
}

const login = 'CONNECT {"verbose":true,"pedantic":false,"user":"u","pass":"p"}\r\n';

describe("a client whose password takes time to check", () => {
  it("is not looked at until the answer is there, and is read no further", async () => {
    const { door, world, place } = setUp();
    world.receive(place, `${login}SUB a 1\r\nPUB a 1\r\nx\r\nPI`);
    expect(world.take(place)).toBe("");
    expect(world.peer(place).wire.paused).toBe(true);
    expect(door.asked[0]?.request.credentials).toMatchObject({ user: "u", password: "p" });
    expect(world.broker.subscriptionCount).toBe(0);
    await door.asked[0]?.answer(identity());
    expect(world.take(place)).toBe("+OK\r\n+OK\r\n+OK\r\nMSG a 1 1\r\nx\r\n");
    expect(world.peer(place).wire.paused).toBe(false);
    world.receive(place, "NG\r\n");
    expect(world.take(place)).toBe("PONG\r\n");
  });

  it("is refused when the answer is no, and what it said besides is not looked at", async () => {
    const { door, world, place } = setUp();
    world.receive(place, `${login}PUB a 1\r\nx\r\n`);
    await door.asked[0]?.answer(null);
    expect(world.take(place)).toBe("-ERR 'Authorization Violation'\r\n");
    expect(world.peer(place).closeReason).toBe("Authentication Failure");
    expect(world.broker.stats.inMessages).toBe(0);
  });

  it("has no time limit once it has said who it is", async () => {
    const { door, world, place } = setUp();
    world.receive(place, login);
    await world.clock.advance("1m");
    await door.asked[0]?.answer(identity());
    expect(world.take(place)).toMatch(/^\+OK\r\n/);
  });

  it("may go away meanwhile", async () => {
    const { door, world, place } = setUp();
    world.receive(place, login);
    const isWanted = (): boolean | undefined => door.asked[0]?.request.isWanted?.();
    expect(isWanted()).toBe(true);
    world.peer(place).connection.lost("Read Error");
    expect(isWanted()).toBe(false);
    await door.asked[0]?.answer(identity());
    expect([world.take(place), world.broker.accounts.get("$G")?.connectionCount]).toEqual(["", 0]);
  });

  it("is asked about anew when a reload has come between", async () => {
    const { door, world, place } = setUp();
    world.receive(place, `${login}PUB a 1\r\nx\r\n`);
    const stricter = new SlowDoor();
    world.context.authenticator = stricter;
    await world.peer(place).client.onReload(true);
    await door.asked[0]?.answer(identity());
    expect([world.take(place), stricter.asked.length]).toEqual(["", 1]);
    await stricter.asked[0]?.answer(null);
    expect(world.take(place)).toBe("-ERR 'Authorization Violation'\r\n");
    expect(world.broker.stats.inMessages).toBe(0);
  });

  it("goes on when the second check says yes too", async () => {
    const { door, world, place } = setUp();
    world.receive(place, `${login}PING\r\n`);
    world.context.authenticator = new SlowDoor();
    await door.asked[0]?.answer(null);
    await (world.context.authenticator as SlowDoor).asked[0]?.answer(identity());
    expect(world.take(place)).toBe("+OK\r\nPONG\r\n");
    expect(world.peer(place).wire.paused).toBe(false);
  });

  it("is let in nowhere by a check that fails, which is our own mistake", async () => {
    const { door, world, place } = setUp();
    const faults: unknown[] = [];
    world.clock.onFault = (error) => void faults.push(error);
    world.receive(place, login);
    await door.asked[0]?.fail(new Error("a mistake"));
    expect(faults.map(String)).toEqual(["Error: a mistake"]);
    expect(world.take(place)).toBe("");
  });

  it("may say who it is a second time, and is deaf until that is known", async () => {
    const { door, world, place } = setUp();
    world.broker.openAccount("B", unlimited);
    world.receive(place, login + "SUB > 1\r\n");
    await door.asked[0]?.answer(identity());
    world.take(place);
    world.receive(place, `${login}SUB b 1\r\nPUB b 1\r\nx\r\n`);
    expect(world.broker.subscriptionCount).toBe(0);
    await door.asked[1]?.answer(identity("B"));
    expect(world.take(place)).toBe("+OK\r\n+OK\r\n+OK\r\nMSG b 1 1\r\nx\r\n");
    const counts = ["$G", "B"].map((name) => world.broker.accounts.get(name)?.connectionCount);
    expect(counts).toEqual([0, 1]);
  });
});

describe("a client that must say who it is", () => {
  it("has a bounded time for it", async () => {
    const { world, place } = setUp();
    await world.clock.advance(1_999);
    expect(world.take(place)).toBe("");
    await world.clock.advance(1);
    expect(world.take(place)).toBe("-ERR 'Authentication Timeout'\r\n");
    expect(world.peer(place).closeReason).toBe("Authentication Timeout");
  });

  it("is refused when its account is not there, or is full", async () => {
    const { door, world, place } = setUp();
    world.receive(place, login);
    await door.asked[0]?.answer(identity("GONE"));
    expect(world.take(place)).toBe("-ERR 'Authorization Violation'\r\n");
    world.broker.openAccount("ONE", { ...unlimited, maxConnections: 1 });
    for (const [at, expected] of [
      "+OK\r\n",
      "-ERR 'maximum account active connections exceeded'\r\n",
    ].entries()) {
      const next = world.connect();
      world.receive(next, login);
      await door.asked[at + 1]?.answer(identity("ONE"));
      expect(world.take(next)).toBe(expected);
    }
    // The one that is in may say who it is again.
    world.receive(1, login);
    await door.asked[3]?.answer(identity("ONE"));
    expect(world.take(1)).toBe("+OK\r\n");
  });

  it("is let in without a word where somebody stands in for it, and starts over when it speaks up", async () => {
    const { door, world, place } = setUp();
    world.broker.openAccount("GUESTS", unlimited);
    world.broker.openAccount("B", unlimited);
    door.guest = identity("GUESTS", "guest");
    world.receive(place, "SUB > 1\r\nPUB a 1\r\nx\r\n");
    expect(world.take(place)).toBe("+OK\r\n+OK\r\nMSG a 1 1\r\nx\r\n");
    world.receive(place, login);
    await door.asked[0]?.answer(identity("B"));
    expect([...world.broker.accounts.values()].map(({ interest }) => interest.size)).toEqual([0, 0, 0]);
    expect(world.broker.accounts.get("GUESTS")?.connectionCount).toBe(0);
  });

  it("is asked to sign the nonce that it was given", () => {
    const door = new SlowDoor();
    door.needsNonce = true;
    const world = new World(door);
    const place = world.connect();
    world.receive(place, login);
    expect(door.asked[0]?.request.nonce).toBe("nonce");
  });
});

describe("a reload", () => {
  it("takes away subscriptions that are not allowed any more, and says so", async () => {
    const door = new SlowDoor();
    const world = new World(door);
    const place = world.connect();
    world.receive(
      place,
      'CONNECT {"verbose":false,"pedantic":false}\r\nSUB a.x 1\r\nSUB b 2\r\nSUB a.* q 3\r\n',
    );
    await door.asked[0]?.answer(identity());
    const permissions = new Permissions({
      publish: { allow: null, deny: null },
      subscribe: { allow: null, deny: [{ subject: "a.>", queue: null }] },
      responses: null,
    });
    const reloaded = world.peer(place).client.onReload(true);
    await door.asked[1]?.answer({ account: "$G", user: "u", permissions });
    await reloaded;
    expect(world.take(place)).toBe(
      `-ERR 'Permissions Violation for Subscription to "a.x" (sid "1")'\r\n` +
        `-ERR 'Permissions Violation for Subscription to "a.*" using queue "q" (sid "3")'\r\n`,
    );
    expect([...world.peer(place).client.subscriptions()].map(({ sid }) => sid)).toEqual(["2"]);
  });

  it("keeps from a subscription what is denied now, though a plan was made before", async () => {
    const door = new SlowDoor();
    const world = new World(door);
    const places = [world.connect(), world.connect(), world.connect()];
    for (const [at, place] of places.entries()) {
      world.receive(place, 'CONNECT {"verbose":false,"pedantic":false}\r\nSUB a.* 1\r\n');
      await door.asked[at]?.answer(identity());
    }
    world.receive(2, "PUB a.x 1\r\n1\r\nPUB a.y 1\r\n2\r\n");
    for (const place of places) world.take(place);
    const permissions = new Permissions({
      publish: { allow: null, deny: null },
      subscribe: { allow: null, deny: [{ subject: "a.x", queue: null }] },
      responses: null,
    });
    const reloaded = world.peer(0).client.onReload(true);
    await door.asked[3]?.answer({ account: "$G", user: "u", permissions });
    await reloaded;
    world.receive(2, "PUB a.x 1\r\n1\r\nPUB a.y 1\r\n2\r\n");
    expect(world.take(0)).toBe("MSG a.y 1 1\r\n2\r\n");
    expect(world.take(1)).toBe("MSG a.x 1 1\r\n1\r\nMSG a.y 1 1\r\n2\r\n");
  });

  it("lets a client answer that may do so from now on, though it was in a cohort before", async () => {
    const door = new SlowDoor();
    const world = new World(door);
    const places = [world.connect(), world.connect(), world.connect()];
    const may = (responses: { maxMessages: number; expiresMs: number } | null): Permissions =>
      new Permissions({
        publish: { allow: ["ask"], deny: null },
        subscribe: { allow: null, deny: null },
        responses,
      });
    for (const [at, place] of places.entries()) {
      world.receive(place, 'CONNECT {"verbose":false,"pedantic":false}\r\nSUB ask 1\r\nSUB in 2\r\n');
      await door.asked[at]?.answer({ account: "$G", user: "u", permissions: may(null) });
    }
    world.receive(2, "PUB ask in 0\r\n\r\n");
    const reloaded = world.peer(0).client.onReload(true);
    const generous = may({ maxMessages: 1, expiresMs: 60_000 });
    await door.asked[3]?.answer({ account: "$G", user: "u", permissions: generous });
    await reloaded;
    world.receive(2, "PUB ask in 0\r\n\r\n");
    for (const place of places) world.take(place);
    // Asked before the next reload, answered after it.
    const again = world.peer(0).client.onReload(true);
    await door.asked[4]?.answer({
      account: "$G",
      user: "u",
      permissions: may({ maxMessages: 1, expiresMs: 60_000 }),
    });
    await again;
    world.receive(0, "PUB in 1\r\n1\r\nPUB in 1\r\n2\r\n");
    expect(world.take(0)).toBe(`MSG in 2 1\r\n1\r\n-ERR 'Permissions Violation for Publish to "in"'\r\n`);
    expect(world.take(1)).toBe("MSG in 2 1\r\n1\r\n");
  });

  it("goes by the last of several, in whatever order they are answered", async () => {
    const { door, world, place } = setUp();
    world.receive(place, login);
    await door.asked[0]?.answer(identity("$G", "first"));
    const [older, newer] = [new SlowDoor(), new SlowDoor()];
    const { client } = world.peer(place);
    world.context.authenticator = older;
    const reloads = [client.onReload(true)];
    world.context.authenticator = newer;
    reloads.push(client.onReload(true));
    await newer.asked[0]?.answer(identity("$G", "newer"));
    await older.asked[0]?.answer(identity("$G", "older"));
    await Promise.all(reloads);
    expect(client.authorizedUser).toBe("newer");
  });

  it("ends a client that is somebody else's now, or nobody's", async () => {
    const { door, world, place } = setUp();
    world.broker.openAccount("B", unlimited);
    world.receive(place, login);
    await door.asked[0]?.answer(identity());
    world.take(place);
    const reloaded = world.peer(place).client.onReload(true);
    await door.asked[1]?.answer(identity("B"));
    await reloaded;
    expect(world.take(place)).toBe("-ERR 'Authorization Violation'\r\n");
  });
});
