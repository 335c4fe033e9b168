import { isReading, type Operation, shownOperation } from "./operation.ts";
import type { Player } from "./player.ts";
import { withoutKnown } from "./known.ts";

export interface Difference {
  /** Of the operations. */
  readonly index: number;
  readonly operation: Operation;
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
}

const settleMsMax = 1500;

/** Plays the operations on both, side by side, until something differs. */
export async function playBoth(
  operations: readonly Operation[],
  ours: Player,
  theirs: Player,
): Promise<Difference | null> {
  await Promise.all([ours.clear(), theirs.clear()]);
  for (const [index, operation] of operations.entries()) {
    const found = await playOne(operation, ours, theirs);
    if (found !== null) return { index, operation, ...found };
  }
  return null;
}

/** The shortest sequence that still differs, as far as leaving parts out gets there within `runsMax` runs. */
export async function shrink(
  operations: readonly Operation[],
  differs: (shorter: readonly Operation[]) => Promise<boolean>,
  runsMax = 60,
): Promise<Operation[]> {
  let shortest = [...operations];
  let runs = 0;
  for (let size = Math.ceil(shortest.length / 2); size >= 1 && runs < runsMax; ) {
    let isShorter = false;
    for (let at = 0; at < shortest.length && runs < runsMax; ) {
      const tried = shortest.toSpliced(at, size);
      runs++;
      if (tried.length > 0 && (await differs(tried))) {
        shortest = tried;
        isShorter = true;
      } else at += size;
    }
    if (!isShorter || size > 1) size = size === 1 ? 0 : Math.ceil(size / 2);
  }
  return shortest;
}

export function shownDifference(
  seed: number,
  operations: readonly Operation[],
  found: Difference,
  names: readonly [string, string] = ["Frond", "nats-server"],
): string {
  const before = operations.slice(0, found.index + 1).map((operation) => `  ${shownOperation(operation)}`);
  const ours = found.ours.join("\n");
  const theirs = found.theirs.join("\n");
  const from = Math.max(0, firstDifference(ours, theirs) - 80);
  const side = (name: string, text: string): string =>
    `${name}: ${from > 0 ? "…" : ""}${text.slice(from, from + 600)}`;
  return [`FROND_SEED=${seed}; after`, ...before, side(names[0], ours), side(names[1], theirs)].join("\n");
}

function firstDifference(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}

async function playOne(
  operation: Operation,
  ours: Player,
  theirs: Player,
): Promise<Pick<Difference, "ours" | "theirs"> | null> {
  const deadline = performance.now() + settleMsMax;
  for (;;) {
    const [a, b] = await Promise.all([ours.play(operation), theirs.play(operation)]);
    const [our, their] = withoutKnown(operation, a, b);
    if (JSON.stringify(our) === JSON.stringify(their)) {
      if (operation.do === "listen") for (const player of [ours, theirs]) player.forgetHeard();
      return null;
    }
    if (!isReading(operation) || performance.now() > deadline) return { ours: our, theirs: their };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
