/** An explanation as a person reads it on a terminal. */
import type { AccountExplanation, ExplainedReceiverJson, Explanation, RouteExplanation } from "./explain.ts";
import { countText, verdicts, type Verdict } from "./explained-route.ts";

const headings: Readonly<Record<Verdict, string>> = {
  receives: "Gets it:",
  misses: "Is subscribed, but does not get it:",
  gone: "Would have got it, but is gone:",
  near_miss: "Comes near:",
  cannot_subscribe: "May not subscribe:",
  cannot_publish: "May not publish:",
  note: "Note:",
};

/** Lines without a line break at the end. */
export function explanationText(explanation: Explanation): string {
  const { subject, accounts, accounts_omitted: omitted } = explanation;
  const lines = accounts.flatMap((account, at) => [
    ...(at > 0 ? [""] : []),
    ...accountLines(subject, account),
  ]);
  if (accounts.length === 0) lines.push(`${quoted(subject)}: the server has no accounts`);
  if (omitted !== undefined)
    lines.push("", `${countText(omitted, "more account")}; name one with --account to see it`);
  return lines.map(printable).join("\n");
}

function accountLines(subject: string, { account, mapping, routes }: AccountExplanation): string[] {
  const where = `${quoted(subject)} in account ${account}`;
  const only = routes[0];
  if (mapping === undefined && only !== undefined)
    return [`${where}: ${deliveriesText(only)}`, ...explainedLines(only.findings)];
  return [
    `${where} is mapped`,
    ...(mapping === undefined ? [] : mappingLines(mapping)),
    ...routes.flatMap((route) => [
      `As ${quoted(route.subject)} (${route.percent}%): ${deliveriesText(route)}`,
      ...explainedLines(route.findings),
    ]),
  ];
}

function mappingLines({
  source,
  destinations,
  dropped_percent: dropped,
}: NonNullable<AccountExplanation["mapping"]>): string[] {
  const lines = destinations.map(({ destination, subject, percent }) => {
    const where = subject === undefined ? `${quoted(destination)}, drawn for each message` : quoted(subject);
    return `    ${percent}% goes to ${where}`;
  });
  if (dropped > 0) lines.push(`    ${dropped}% is dropped`);
  return [`  by mapping ${quoted(source)}:`, ...lines];
}

function deliveriesText({ deliveries }: RouteExplanation): string {
  if (deliveries === 0) return "nobody gets it";
  return deliveries === 1 ? "one delivery" : `${deliveries} deliveries`;
}

function explainedLines(explanations: readonly ExplainedReceiverJson[]): string[] {
  return verdicts.flatMap((verdict) => {
    const lines = explanations
      .filter((explained) => explained.verdict === verdict)
      .map(({ text }) => `    - ${text}`);
    return lines.length === 0 ? [] : [`  ${headings[verdict]}`, ...lines];
  });
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

/** Names come from clients: what would steer the terminal is shown instead of sent. */
function printable(line: string): string {
  return line.replace(
    /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${(character.codePointAt(0) as number).toString(16).padStart(4, "0")}`,
  );
}
