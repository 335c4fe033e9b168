/** What is known of the other end once it has been heard. */
export interface LinkFacts {
  readonly name: string;
  readonly version: string;
  /** Empty: none. */
  readonly cluster: string;
  readonly domain: string;
  /** Its account; empty: not told. */
  readonly account: string;
  /** It takes headers, and so does this end. */
  readonly headers: boolean;
  /** The other end is the hub. */
  readonly isSpoke: boolean;
  /** It is not told what other leaf nodes want. */
  readonly isIsolated: boolean;
}

export const unknownPeer: LinkFacts = {
  name: "",
  version: "",
  cluster: "",
  domain: "",
  account: "",
  headers: false,
  isSpoke: false,
  isIsolated: false,
};
