/** Which path is answered by what. */
import { gatewayz, ipqueuesz, raftz, routez } from "./absent.ts";
import { leafz } from "./leafz.ts";
import { accountz } from "./accountz.ts";
import { accstatz } from "./accstatz.ts";
import { connz } from "./connz.ts";
import type { Endpoint } from "./endpoint.ts";
import { explainz } from "./explain/explain.ts";
import { healthz } from "./healthz.ts";
import { jsz } from "./jsz.ts";
import { stacksz } from "./stacksz.ts";
import { subsz } from "./subsz.ts";
import { varz } from "./varz.ts";

const endpoints: readonly Endpoint[] = [
  { path: "/varz", answer: varz },
  { path: "/connz", answer: connz },
  { path: "/subsz", answer: subsz },
  { path: "/healthz", answer: healthz },
  { path: "/accountz", answer: accountz },
  { path: "/accstatz", answer: accstatz },
  { path: "/routez", answer: routez },
  { path: "/gatewayz", answer: gatewayz },
  { path: "/leafz", answer: leafz },
  { path: "/jsz", answer: jsz },
  { path: "/stacksz", answer: stacksz },
  { path: "/ipqueuesz", answer: ipqueuesz },
  { path: "/raftz", answer: raftz },
  { path: "/explainz", answer: explainz },
];

/** By the path below the base path. */
export const routes: ReadonlyMap<string, Endpoint> = new Map([
  ...endpoints.map((endpoint): [string, Endpoint] => [endpoint.path, endpoint]),
  ["/subscriptionsz", { path: "/subsz", answer: subsz }],
]);
