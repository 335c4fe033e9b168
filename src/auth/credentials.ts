/** What a peer logs in with, as CONNECT of clients and of leaf nodes has it. */
import type { JsonFields } from "../base/json-fields.ts";
import type { Credentials } from "./identity.ts";

export const noCredentials: Credentials = {
  user: "",
  password: "",
  token: "",
  nkey: "",
  signature: "",
  jwt: "",
};

/** @param before what the peer said earlier, for fields that are absent */
export function credentialsIn(fields: JsonFields, before = noCredentials): Credentials {
  return {
    user: fields.text("user", before.user),
    password: fields.text("pass", before.password),
    token: fields.text("auth_token", before.token),
    nkey: fields.text("nkey", before.nkey),
    signature: fields.text("sig", before.signature),
    jwt: fields.text("jwt", before.jwt),
  };
}
