/** The page at the base path: a person's way to the rest. */
import type { ServerInfo } from "../client/context.ts";

const links: readonly (readonly [path: string, text: string])[] = [
  ["/varz", "Server"],
  ["/connz", "Connections"],
  ["/subsz", "Subscriptions"],
  ["/accountz", "Accounts"],
  ["/accstatz", "Traffic of accounts"],
  ["/jsz", "JetStream"],
  ["/leafz", "Leaf nodes"],
  ["/routez", "Routes"],
  ["/gatewayz", "Gateways"],
  ["/healthz", "Health"],
];

export function rootPage(info: ServerInfo, basePath: string): string {
  // Relative, so that they hold behind a proxy that puts the page elsewhere.
  const base = `./${basePath === "/" ? "" : `${basePath.slice(basePath.lastIndexOf("/") + 1)}/`}`;
  const items = links.map(
    ([path, text]) =>
      `      <li><a href="${escapeHtml(base + path.slice(1))}">${text}</a> <code>${path}</code></li>`,
  );
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Frond ${escapeHtml(info.server_name)}</title>
    <style>body { font-family: system-ui, sans-serif; margin: 2rem } code { color: #777 }</style>
  </head>
  <body>
    <h1>Frond ${escapeHtml(info.frond)}</h1>
    <p>${escapeHtml(info.server_name)}, compatible with NATS ${escapeHtml(info.version)}</p>
    <ul>
${items.join("\n")}
    </ul>
    <form action="${escapeHtml(`${base}explainz`)}">
      <label>Who would receive a message on <input name="subject" required placeholder="orders.new"></label>
      <button>Explain</button>
    </form>
  </body>
</html>
`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => entities[character] as string);
}
