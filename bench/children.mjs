// Every process started here, so that none outlives the run however it ends.
// @ts-check

/** @typedef {import("node:child_process").ChildProcess} ChildProcess */

/** @type {Set<ChildProcess>} */
const children = new Set();

/** @template {ChildProcess} C @param {C} child @returns {C} */
export function tracked(child) {
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

export function killChildren() {
  for (const child of children) child.kill("SIGKILL");
}
