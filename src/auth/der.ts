/** Enough of DER (ITU-T X.690) to find one's way through an X.509 certificate. Nothing is read beyond its container. */

export const derTag = {
  bmpString: 0x1e,
  ia5String: 0x16,
  numericString: 0x12,
  objectIdentifier: 0x06,
  octetString: 0x04,
  printableString: 0x13,
  sequence: 0x30,
  set: 0x31,
  teletexString: 0x14,
  utf8String: 0x0c,
} as const;

export interface DerValue {
  /** The identifier octet; tags above 30 are not supported. */
  readonly tag: number;
  readonly content: Buffer;
  /** Identifier and length included. */
  readonly whole: Buffer;
}

/** Goes through the values of one container. All methods throw RangeError where the bytes are not what was asked for. */
export class DerReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  next(): DerValue {
    const start = this.#at;
    const tag = this.#byte();
    if ((tag & 0x1f) === 0x1f) throw new RangeError("DER: a tag of more than one octet");
    const length = this.#length();
    const contentStart = this.#at;
    const end = contentStart + length;
    if (end > this.#bytes.length) throw new RangeError("DER: a value ends beyond its container");
    this.#at = end;
    return { tag, content: this.#bytes.subarray(contentStart, end), whole: this.#bytes.subarray(start, end) };
  }

  /** The next value, which must have this tag. */
  expect(tag: number): DerValue {
    const value = this.next();
    if (value.tag !== tag) throw new RangeError(`DER: tag ${value.tag} where ${tag} was expected`);
    return value;
  }

  /** The next value if it has this tag; otherwise null, and it stays the next. */
  optional(tag: number): DerValue | null {
    return !this.done && this.#bytes[this.#at] === tag ? this.next() : null;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    // Zero would be BER's indefinite form; four bytes are more than any certificate has.
    if (count === 0 || count > 4) throw new RangeError("DER: a length that is not supported");
    let length = 0;
    for (let n = 0; n < count; n++) length = length * 256 + this.#byte();
    return length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new RangeError("DER: a value is cut off");
    this.#at++;
    return byte;
  }
}

/** An object identifier's content as dotted numbers. */
export function objectIdentifierText(content: Buffer): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER / 128)
      throw new RangeError("DER: an object identifier that is too large");
    if ((byte & 0x80) !== 0) continue;
    if (arcs.length === 0) {
      const root = Math.min(Math.floor(arc / 40), 2);
      arcs.push(root, arc - root * 40);
    } else arcs.push(arc);
    arc = 0;
  }
  if (arcs.length === 0) throw new RangeError("DER: an empty object identifier");
  return arcs.join(".");
}

/** The text of a string value. */
export function stringText({ tag, content }: DerValue): string {
  switch (tag) {
    case derTag.utf8String:
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
    case derTag.printableString:
    case derTag.ia5String:
    case derTag.numericString:
    case derTag.teletexString:
      return content.toString("latin1");
    case derTag.bmpString:
      if (content.length % 2 !== 0) throw new RangeError("DER: half a character in a BMPString");
      return Buffer.from(content).swap16().toString("utf16le");
    default:
      throw new RangeError(`DER: tag ${tag} is no string`);
  }
}

/** The DER of `text` as Go's asn1 package chooses its type: PrintableString if it can be one, else UTF8String. */
export function stringValue(text: string): Buffer {
  const tag = /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text) ? derTag.printableString : derTag.utf8String;
  const content = Buffer.from(text, "utf8");
  return Buffer.concat([Buffer.from([tag]), lengthOctets(content.length), content]);
}

function lengthOctets(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Buffer.from([0x80 | octets.length, ...octets]);
}
