// Before anything else: a signal without a handler ends the process. Each waits here until somebody acts on it.
const names = [
  "SIGHUP",
  "SIGINT",
  "SIGTERM",
  ...(process.platform === "win32" ? [] : ["SIGUSR1", "SIGUSR2"]),
];
const waiting = [];
let act = (name) => void waiting.push(name);
const onSignal = (name) => act(name);
for (const name of names) process.on(name, onSignal);

const signals = {
  take(handler) {
    act = handler;
    for (const name of waiting.splice(0)) handler(name);
  },
  release() {
    for (const name of names) process.off(name, onSignal);
    for (const name of waiting.splice(0)) process.kill(process.pid, name);
  },
};

import("../dist/bin/frond.js")
  .then(({ main }) => main(process.argv.slice(2), signals))
  .catch((error) => {
    const missing = error.code === "ERR_MODULE_NOT_FOUND" && String(error.message).includes("dist");
    console.error(missing ? "frond: not built yet; run `npm ci`, or `npm run build`" : error);
    process.exitCode = 1;
  });
