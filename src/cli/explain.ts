/** `frond explain`: asks a running broker where a message would go, over its monitoring port. */
import { Clock } from "../base/clock.ts";
import type { Explanation } from "../monitor/explain/explain.ts";
import { explanationText } from "../monitor/explain/explain-text.ts";

export interface ExplainRequest {
  readonly subject: string;
  /** Null: every account that is in use. */
  readonly account: string | null;
  /** Null or absent: everybody's connections. */
  readonly user?: string | null;
  /** Of the monitoring port, with the base path if it has one. */
  readonly url: string;
}

export interface ExplainResult {
  readonly text: string;
  /** 0: this is the answer, whatever it says. 1: there is none. */
  readonly exitCode: 0 | 1;
}

const timeoutMs = 10_000;

/** Never rejects: what goes wrong is a text, and an exit code. */
export async function explain(request: ExplainRequest): Promise<ExplainResult> {
  const base = request.url.replace(/\/+$/, "");
  const query = new URLSearchParams({ subject: request.subject });
  if (request.account !== null) query.set("account", request.account);
  if (request.user !== undefined && request.user !== null) query.set("user", request.user);
  const clock = new Clock();
  const abort = new AbortController();
  clock.after(timeoutMs, () => abort.abort());
  try {
    const response = await fetch(`${base}/explainz?${query.toString()}`, { signal: abort.signal });
    return read(base, response.status, await response.text());
  } catch (error) {
    const why = abort.signal.aborted ? `no answer within ${timeoutMs / 1_000} s` : reasonOf(error);
    return failure(`cannot ask ${base}: ${why}\n${advice}`);
  } finally {
    clock.close();
  }
}

const advice =
  "Start the broker with its monitoring port (-m 8222, or http_port in its configuration), or name another with --url.";

function read(base: string, status: number, body: string): ExplainResult {
  if (status === 400) return failure(body.trim());
  if (status === 404)
    return failure(
      `what answers at ${base} knows no /explainz: is it a Frond broker, and the base path right?`,
    );
  if (status !== 200) return failure(`${base} answers with status ${status}: ${body.slice(0, 200).trim()}`);
  const explanation = parseExplanation(body);
  if (explanation === null) return failure(`what answers at ${base} is not a Frond broker's monitoring port`);
  return { text: explanationText(explanation), exitCode: 0 };
}

function parseExplanation(body: string): Explanation | null {
  try {
    const value: unknown = JSON.parse(body);
    const isOne = value !== null && typeof value === "object" && "accounts" in value && "subject" in value;
    return isOne && Array.isArray(value.accounts) ? (value as Explanation) : null;
  } catch {
    return null;
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (code === "ECONNREFUSED") return "nothing listens there";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "there is no such host";
  if (code.startsWith("HPE_") || code === "UND_ERR_SOCKET") return "what answers there does not speak HTTP";
  if (/CERT|ISSUER|UNABLE_TO_VERIFY/.test(code))
    return `its certificate is not trusted here (${code}); see NODE_EXTRA_CA_CERTS`;
  return cause instanceof Error ? cause.message : String(cause);
}

function failure(text: string): ExplainResult {
  return { text, exitCode: 1 };
}
