import { expect, test } from "vitest";
import { optionsFromObject } from "../../src/config/embedding.ts";
import { serverInfo } from "../../src/server/server-info.ts";
import { certificateFile } from "../transport/harness.ts";

const { options } = optionsFromObject({
  tls: { certFile: certificateFile("server.pem"), keyFile: certificateFile("server-key.pem") },
});

test.each([
  ["required", false, false, { tls_required: true }],
  ["available", true, false, { tls_available: true }],
  ["there already, over wss", false, true, { tls_required: true, tls_available: true }],
])("INFO says when TLS is %s", (_name, allowNonTls, isWebSocket, expected) => {
  const info = serverInfo({ id: "ID", name: "NAME" }, options, {
    address: { host: "127.0.0.1", port: 4222 },
    advertise: null,
    tls: options.tls,
    allowNonTls,
    isWebSocket,
    authRequired: false,
  });
  const { tls_required, tls_available } = info;
  expect({ ...(tls_required && { tls_required }), ...(tls_available && { tls_available }) }).toEqual(
    expected,
  );
});
