// The page: it watches a KV bucket over WebSocket, shows every change at once, and changes values itself.
// run.mjs serves it; a bundler such as esbuild or vite puts the official client into it.
import { Kvm } from "@nats-io/kv";
import { wsconnect } from "@nats-io/nats-core";

const status = document.querySelector("#status");
const { url, user, pass } = await (await fetch("/broker.json")).json();
const connection = await wsconnect({ servers: url, user, pass, maxReconnectAttempts: -1 });
const bucket = await new Kvm(connection).open("settings");

document.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  void change(new FormData(event.target));
});

// The watch begins with the current values and continues with every change, also after a reconnect.
const watch = await bucket.watch();
status.textContent = "watching";
for await (const entry of watch) show(entry);

async function change(form) {
  try {
    await bucket.put(form.get("key"), form.get("value"));
    status.textContent = "changed";
  } catch (error) {
    status.textContent = error.message;
  }
}

function show(entry) {
  const table = document.querySelector("#settings");
  let row = [...table.rows].find((candidate) => candidate.dataset.key === entry.key);
  if (entry.operation !== "PUT") return row?.remove();
  row ??= table.insertRow();
  row.dataset.key = entry.key;
  row.replaceChildren();
  row.insertCell().textContent = entry.key;
  row.insertCell().textContent = entry.string();
}
