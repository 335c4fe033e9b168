// A page in a browser that watches a KV bucket: every tab shows a change as soon as any tab or program makes it.
//
//   node examples/browser/run.mjs          then open the address that it prints, in two tabs; Ctrl-C ends it
//
// The broker runs inside this program, beside a small web server for the page. PORT sets the port of the web server.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { Kvm } from "@nats-io/kv";
import { connect } from "@nats-io/transport-node";
import { build } from "esbuild";
import { createBroker } from "frond";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

const files = new Map();
const server = createServer(({ url }, response) => {
  const file = files.get(url);
  if (file === undefined) return response.writeHead(404).end();
  response.setHeader("Content-Type", file.type).end(file.content);
});
server.listen(Number(process.env.PORT ?? 8000), "127.0.0.1");
await once(server, "listening");
const origin = `http://127.0.0.1:${server.address().port}`;

const broker = await createBroker({
  port: 0,
  // Other sites must not connect from a visitor's browser. With `tls`, the listener speaks wss:.
  websocket: { port: 0, allowedOrigins: [origin] },
  jetstream: true,
  users: [
    { user: "admin", password: "admin-secret" },
    {
      // Everybody can read what a page contains, so its user may do only what the page needs: use this one bucket.
      user: "page",
      password: "public",
      connectionTypes: ["WEBSOCKET"],
      permissions: {
        publish: [
          "$KV.settings.>",
          "$JS.API.INFO",
          "$JS.API.STREAM.INFO.KV_settings",
          "$JS.API.CONSUMER.CREATE.KV_settings.>",
          "$JS.API.CONSUMER.INFO.KV_settings.>",
          "$JS.API.CONSUMER.DELETE.KV_settings.>",
          "$JS.FC.KV_settings.>",
        ],
        subscribe: "_INBOX.>",
      },
    },
  ],
});

const admin = await connect({ servers: broker.url, user: "admin", pass: "admin-secret" });
const settings = await new Kvm(admin).create("settings", { history: 5 });
await settings.put("pricing.discount", "5");
await settings.put("pricing.currency", "EUR");

const { outputFiles } = await build({
  entryPoints: [here("page.mjs")],
  bundle: true,
  write: false,
  format: "esm",
  platform: "browser",
  // The client imports it only outside of a browser.
  external: ["crypto"],
});
const pageUser = { url: broker.websocketUrl, user: "page", pass: "public" };
files.set("/", { type: "text/html", content: readFileSync(here("index.html")) });
files.set("/page.js", { type: "text/javascript", content: outputFiles[0].text });
files.set("/broker.json", { type: "application/json", content: JSON.stringify(pageUser) });
console.log(`page at ${origin}/`);

for await (const { key, value } of await settings.watch())
  console.log(`${key} is ${new TextDecoder().decode(value)}`);
