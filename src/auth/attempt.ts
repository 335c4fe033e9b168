/** Who has tried to log in, for the log. Secrets are never in it; what the peer wrote is quoted and cut. */
import type { AuthRequest } from "./identity.ts";

const shownMax = 64;

/** `user "ann" over WEBSOCKET` */
export function attemptText({
  credentials,
  connectionType,
  certificate,
}: Pick<AuthRequest, "credentials" | "connectionType" | "certificate">): string {
  const { user, token, nkey, jwt } = credentials;
  const offered = [
    ...(nkey === "" ? [] : [`nkey ${shown(nkey)}`]),
    ...(user === "" ? [] : [`user ${shown(user)}`]),
    ...(token === "" ? [] : ["a token"]),
    ...(jwt === "" ? [] : ["a JWT"]),
    ...(certificate === null ? [] : [`certificate ${shown(certificate.subject)}`]),
  ];
  const who = offered.length === 0 ? "nobody named" : offered.join(" with ");
  return `${who} over ${connectionType}`;
}

function shown(text: string): string {
  return JSON.stringify(text.length > shownMax ? `${text.slice(0, shownMax)}…` : text);
}
