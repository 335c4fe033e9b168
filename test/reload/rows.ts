/** What a reload does with each key of a configuration: the change that a row makes, and how it is seen from outside. */
import { expect } from "vitest";
import type { Reloadable } from "./reloadable.ts";

export interface Change {
  /** Values of the key before and after, as text of a file; null where the key is not there. */
  readonly from: string | null;
  readonly to: string | null;
  /** What stands in the block beside the key, before and after. */
  readonly beside: string;
}

export type Row = Change &
  (
    | { readonly kind: "live"; readonly look: Look; readonly seen: readonly [unknown, unknown] }
    /** As the error names it. */
    | { readonly kind: "restart"; readonly name: string }
    /** Not seen at once; the reload takes it, and names it so. */
    | { readonly kind: "named"; readonly name: string }
    /** Nothing depends on it. */
    | { readonly kind: "nothing" }
    /** A test of its own is in the file named. */
    | { readonly kind: "elsewhere"; readonly file: string }
  );

/** Looks at a running broker as its clients or its owner do. */
export type Look = (broker: Reloadable) => Promise<unknown>;

export function live(
  from: string | null,
  to: string | null,
  look: Look,
  seen: readonly [unknown, unknown],
  beside = "",
): Row {
  return { kind: "live", from, to, look, seen, beside };
}

export function restart(from: string | null, to: string | null, name: string, beside = ""): Row {
  return { kind: "restart", from, to, name, beside };
}

export function named(from: string, to: string, name: string): Row {
  return { kind: "named", from, to, name, beside: "" };
}

export function nothing(from: string, to: string, beside = ""): Row {
  return { kind: "nothing", from, to, beside };
}

export function elsewhere(file: string): Row {
  return { kind: "elsewhere", file, from: null, to: null, beside: "" };
}

/** A field of the client port's INFO. */
export const info =
  (field: string): Look =>
  async (broker) =>
    (await broker.info())[field];

/** A field of `/varz`; a path through its blocks is joined by dots. */
export const varz =
  (path: string): Look =>
  async (broker) => {
    const response = await fetch(`http://127.0.0.1:${broker.monitorPort}/varz`);
    let value = (await response.json()) as unknown;
    for (const name of path.split(".")) value = (value as Record<string, unknown> | undefined)?.[name];
    return value;
  };

/** Whether a client with these credentials is let in. */
export const admits =
  (credentials: object): Look =>
  async (broker) => {
    try {
      await broker.client(credentials);
      return true;
    } catch {
      return false;
    }
  };

/** What a client with these credentials is told when it subscribes and publishes so; `MSG` for what it receives itself. */
export const hears =
  (subscribe: string, publish: string, credentials: object = {}): Look =>
  async (broker) => {
    const client = await broker.client(credentials);
    client.send(`SUB ${subscribe} 1\r\nPUB ${publish} 1\r\nx\r\n`);
    const lines = await client.untilPong();
    return lines.map((line) => line.replace(/^MSG .*/, "MSG")).filter((line) => line !== "x");
  };

/** Makes the change on a broker that runs, and checks what is seen. */
export async function prove(
  row: Row,
  start: (text: string) => Promise<Reloadable>,
  text: (value: string | null) => string,
): Promise<void> {
  const broker = await start(text(row.from));
  const reload = (): Promise<string[]> => broker.reload(text(row.to));
  if (row.kind === "restart") {
    await expect(reload()).rejects.toThrow(`config reload not supported for ${row.name}`);
  } else if (row.kind === "named") {
    expect(await reload()).toEqual([row.name]);
  } else if (row.kind === "nothing") {
    expect(await reload()).toEqual([]);
  } else if (row.kind === "live") {
    expect(await row.look(broker), "before").toEqual(row.seen[0]);
    await reload();
    expect(await row.look(broker), "after").toEqual(row.seen[1]);
  }
}
