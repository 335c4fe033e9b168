/**
 * What a verified client certificate says of its owner. The TLS library has checked the signatures; here only the
 * names are read, from the DER itself, since a library's printed form of them is ambiguous.
 */
import { createHash } from "node:crypto";
import { DerReader, derTag, objectIdentifierText, stringText } from "./der.ts";
import {
  domainComponentsText,
  goNameText,
  goStandardText,
  type NameAttribute,
  type SubjectName,
} from "./distinguished-name.ts";
import type { ClientCertificate } from "./identity.ts";

const subjectAltNameOid = "2.5.29.17";
/** GeneralName's alternatives: context-specific, primitive. */
const rfc822NameTag = 0x81;
const dnsNameTag = 0x82;
const uriTag = 0x86;
/** TBSCertificate's explicitly tagged members. */
const versionTag = 0xa0;
const extensionsTag = 0xa3;

/** @returns null when `der` is not a certificate, or names its owner in a way that cannot be read */
export function clientCertificateFromDer(der: Uint8Array): ClientCertificate | null {
  try {
    const { subject, extensions } = partsOf(der);
    const name = readName(subject);
    const names = readSubjectAltNames(extensions);
    return { subject: goNameText(name), subjectName: name, ...names };
  } catch {
    return null;
  }
}

/** Lower-case hexadecimal SHA-256 of the certificate's SubjectPublicKeyInfo, as in `pinned_certs`; null for no certificate. */
export function spkiFingerprint(der: Uint8Array): string | null {
  try {
    return createHash("sha256").update(partsOf(der).publicKeyInfo).digest("hex");
  } catch {
    return null;
  }
}

/** The names under which the owner may be known as a user, besides the whole subject, in the order to try them. */
export function alternativeNames(certificate: ClientCertificate): string[] {
  return [...certificate.emails, ...certificate.dnsNames, ...certificate.uris].filter((name) => name !== "");
}

/** How the whole subject may be written as a user name, where comparing it part by part found nobody. */
export function subjectTexts(certificate: ClientCertificate): string[] {
  const text = goStandardText(certificate.subjectName);
  const domainComponents = domainComponentsText(certificate.subjectName);
  const texts = domainComponents === "" ? [text] : [`${text},${domainComponents}`, text];
  return texts.filter((name) => name !== "");
}

interface CertificateParts {
  readonly subject: Buffer;
  /** The whole SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Buffer;
  /** The sequence of extensions; null without any. */
  readonly extensions: Buffer | null;
}

function partsOf(der: Uint8Array): CertificateParts {
  const bytes = Buffer.from(der.buffer, der.byteOffset, der.byteLength);
  const certificate = new DerReader(new DerReader(bytes).expect(derTag.sequence).content);
  const body = new DerReader(certificate.expect(derTag.sequence).content);
  body.optional(versionTag);
  body.next(); // serial number
  body.expect(derTag.sequence); // signature algorithm
  body.expect(derTag.sequence); // issuer
  body.expect(derTag.sequence); // validity
  const subject = body.expect(derTag.sequence).content;
  const publicKeyInfo = body.expect(derTag.sequence).whole;
  let extensions: Buffer | null = null;
  while (!body.done) {
    const value = body.next();
    if (value.tag === extensionsTag)
      extensions = new DerReader(value.content).expect(derTag.sequence).content;
  }
  return { subject, publicKeyInfo, extensions };
}

function readName(content: Buffer): SubjectName {
  const name: NameAttribute[][] = [];
  for (const sequence = new DerReader(content); !sequence.done; ) {
    const attributes: NameAttribute[] = [];
    for (const set = new DerReader(sequence.expect(derTag.set).content); !set.done; ) {
      const attribute = new DerReader(set.expect(derTag.sequence).content);
      const oid = objectIdentifierText(attribute.expect(derTag.objectIdentifier).content);
      attributes.push({ oid, value: stringText(attribute.next()) });
    }
    name.push(attributes);
  }
  return name;
}

function readSubjectAltNames(
  extensions: Buffer | null,
): Pick<ClientCertificate, "emails" | "dnsNames" | "uris"> {
  const names = { emails: [] as string[], dnsNames: [] as string[], uris: [] as string[] };
  if (extensions === null) return names;
  for (const list = new DerReader(extensions); !list.done; ) {
    const extension = new DerReader(list.expect(derTag.sequence).content);
    if (objectIdentifierText(extension.expect(derTag.objectIdentifier).content) !== subjectAltNameOid)
      continue;
    let value = extension.next();
    // A boolean may stand between: whether the extension is critical.
    if (value.tag !== derTag.octetString) value = extension.expect(derTag.octetString);
    const general = new DerReader(new DerReader(value.content).expect(derTag.sequence).content);
    while (!general.done) {
      const { tag, content } = general.next();
      if (tag === rfc822NameTag) names.emails.push(content.toString("latin1"));
      else if (tag === dnsNameTag) names.dnsNames.push(content.toString("latin1"));
      else if (tag === uriTag) names.uris.push(content.toString("latin1"));
    }
  }
  return names;
}
