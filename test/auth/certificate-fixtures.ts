/**
 * Certificates made and read by Go's crypto/x509 and the reference server's reader of distinguished names: what those
 * say of a certificate is what a user name in an existing configuration was written to match.
 */

export interface CertificateFixture {
  readonly name: string;
  readonly der: string;
  /** `Subject.String()` and `Subject.ToRDNSequence().String()`. */
  readonly subject: string;
  readonly standard: string;
  readonly emails: readonly string[];
  readonly dnsNames: readonly string[];
  readonly uris: readonly string[];
  /** Relative names as written, last in the certificate first; null where an attribute has no name. */
  readonly relativeNames: readonly (readonly (readonly [string, string])[])[] | null;
  readonly fingerprint: string;
}

export const certificates: readonly CertificateFixture[] = [
  {
    name: "plain",
    der:
      "MIIBfTCCAS+gAwIBAgIBATAFBgMrZXAwDTELMAkGA1UEAxMCY2EwHhcNMjMxMTE0MjIxMzIwWhcNMzMwNTE4MDMzMzIwWjA7" +
      "MQswCQYDVQQGEwJVUzEOMAwGA1UECgwFRnJvbmQxDDAKBgNVBAsMA2RldjEOMAwGA1UEAwwFYWxpY2UwKjAFBgMrZXADIQAF" +
      "lS+jbTKJxdqakqDT3MmmDS6rRMhY3DquRBULyEnJbaOBhTCBgjAOBgNVHQ8BAf8EBAMCB4AwcAYDVR0RBGkwZ4IRYWxpY2Uu" +
      "ZXhhbXBsZS5jb22CDSouZXhhbXBsZS5jb22BEWFsaWNlQGV4YW1wbGUuY29tgQ5hMkBleGFtcGxlLmNvbYcEfwAAAYYac3Bp" +
      "ZmZlOi8vZXhhbXBsZS5jb20vYWxpY2UwBQYDK2VwA0EA5BDHr9yY00DhvDHN9d/USkQamRJrKkNStFjGnx3q2WR+QguVCoxJ" +
      "XrlLos6oq4GV+wl6z8MxytqgGf+p5VMwCw==",
    subject: "CN=alice,OU=dev,O=Frond,C=US",
    standard: "CN=alice,OU=dev,O=Frond,C=US",
    emails: ["alice@example.com", "a2@example.com"],
    dnsNames: ["alice.example.com", "*.example.com"],
    uris: ["spiffe://example.com/alice"],
    relativeNames: [[["CN", "alice"]], [["OU", "dev"]], [["O", "Frond"]], [["C", "US"]]],
    fingerprint: "8de333e3523c721cc54cddd8ebed8fb6b7d8a417637d3c9c04c93383f5b58290",
  },
  {
    name: "no-sans",
    der:
      "MIIBPTCB8KADAgECAgEBMAUGAytlcDANMQswCQYDVQQDEwJjYTAeFw0yMzExMTQyMjEzMjBaFw0zMzA1MTgwMzMzMjBaMA4x" +
      "DDAKBgNVBAMMA2JvYjCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEAxlvCpF+An7NB42BYKvpCYHGmCOnyG3lKt8SFtvUD" +
      "eJteaEI7vYqbtwj9Iw99f0oFLCC8nnSRbXmNrN0g7B9yzbMMf8d/QUbhPMGgFD+GFJEhYbYzsIZ5sCLoyFjE0SA5TUAKNusT" +
      "+3nGkQYotjtX4l7G/CnjdVUmVypDnNBKsVECAwEAATAFBgMrZXADQQA9skyVfx/XgD5QBAEvMwKRH2dn3GnP+Iqg6QDJD5zb" +
      "fZqgoursOMVcJrn5dcBG3l7WwmBd3ySP0WhZX7nwwQMI",
    subject: "CN=bob",
    standard: "CN=bob",
    emails: [],
    dnsNames: [],
    uris: [],
    relativeNames: [[["CN", "bob"]]],
    fingerprint: "de11877469a24cbd25ecfbd6db8b74e3e83847fa74ad0b65873e604fb5af1763",
  },
  {
    name: "domain-components",
    der:
      "MIIBNzCB6qADAgECAgEBMAUGAytlcDANMQswCQYDVQQDEwJjYTAeFw0yMzExMTQyMjEzMjBaFw0zMzA1MTgwMzMzMjBaME8x" +
      "EzARBgoJkiaJk/IsZAEZFgNjb20xFzAVBgoJkiaJk/IsZAEZFgdleGFtcGxlMQ8wDQYDVQQLDAZwZW9wbGUxDjAMBgNVBAMM" +
      "BWNhcm9sMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEOXndJIQOnpm0ddTGYszh/+A1qsknTHQpQRonzrufC85etlEXkneC" +
      "caE6/bsPcBn5gK/fERndgrS2LG9N/L8A8zAFBgMrZXADQQDGpjv+quXnEgfKiIOtgGZHtTRKOiy0xpjpR4ChLSusMUvmUT94" +
      "gWN1H1If70GPN1BwzYXS3PNpR8S0sIuOklYN",
    subject:
      "CN=carol,OU=people,0.9.2342.19200300.100.1.25=#13076578616d706c65,0.9.2342.19200300.100.1.25=#1303636f6d",
    standard: "CN=carol,OU=people",
    emails: [],
    dnsNames: [],
    uris: [],
    relativeNames: [[["CN", "carol"]], [["OU", "people"]], [["DC", "example"]], [["DC", "com"]]],
    fingerprint: "6b70ac5da62420f85c36d3dcd85e532995f3e39d857cb9a5d766b68d14bc1d27",
  },
  {
    name: "attributes-without-a-name",
    der:
      "MIIBHTCB0KADAgECAgEBMAUGAytlcDANMQswCQYDVQQDEwJjYTAeFw0yMzExMTQyMjEzMjBaFw0zMzA1MTgwMzMzMjBaMGQx" +
      "DTALBgNVBAMMBGRhdmUxHzAdBgkqhkiG9w0BCQEWEGRhdmVAZXhhbXBsZS5jb20xEjAQBgoJkiaJk/IsZAEBDAJkMTEKMAgG" +
      "A1UELhMBcTESMBAGBog3////fwwGw5xuZGVyMCowBQYDK2VwAyEABZUvo20yicXampKg09zJpg0uq0TIWNw6rkQVC8hJyW0w" +
      "BQYDK2VwA0EAoABsd6zChr1XFDCVJdmI+pD/khwuX9E+rTLjG6xuE/yT2OAXdr15wO+as32Qg7ZTajTTav5lTXv+eBXAxNKb" +
      "Cg==",
    subject:
      "CN=dave,2.999.268435455=#0c06c39c6e646572,2.5.4.46=#130171,0.9.2342.19200300.100.1.1=#13026431,1.2.840.113549.1.9.1=#0c1064617665406578616d706c652e636f6d",
    standard: "CN=dave",
    emails: [],
    dnsNames: [],
    uris: [],
    relativeNames: null,
    fingerprint: "8de333e3523c721cc54cddd8ebed8fb6b7d8a417637d3c9c04c93383f5b58290",
  },
  {
    name: "multi-valued",
    der:
      "MIIBBTCBuKADAgECAgEBMAUGAytlcDANMQswCQYDVQQDEwJjYTAeFw0yMzExMTQyMjEzMjBaFw0zMzA1MTgwMzMzMjBaMEwx" +
      "GzAMBgNVBAoMBUZyb25kMAsGA1UEBwwESGVyZTEhMAsGA1UEAwwEZXJpbjAIBgNVBAsMAWEwCAYDVQQLDAFiMQowCAYDVQQL" +
      "DAFjMCowBQYDK2VwAyEABZUvo20yicXampKg09zJpg0uq0TIWNw6rkQVC8hJyW0wBQYDK2VwA0EAKpBzwShWbKX8Gfs2+WXY" +
      "ilpHURqHB4gDjymHRKIbQ5m/7WUJPU7RSrMbXfjCJtBLz+JD/vf3dzd0bIK4OoPFCA==",
    subject: "CN=erin,OU=a+OU=b+OU=c,O=Frond,L=Here",
    standard: "CN=erin,OU=a+OU=b+OU=c,O=Frond,L=Here",
    emails: [],
    dnsNames: [],
    uris: [],
    relativeNames: [
      [["OU", "c"]],
      [
        ["OU", "b"],
        ["OU", "a"],
        ["CN", "erin"],
      ],
      [
        ["L", "Here"],
        ["O", "Frond"],
      ],
    ],
    fingerprint: "8de333e3523c721cc54cddd8ebed8fb6b7d8a417637d3c9c04c93383f5b58290",
  },
  {
    name: "escapes",
    der:
      "MIIBBzCBuqADAgECAgEBMAUGAytlcDANMQswCQYDVQQDEwJjYTAeFw0yMzExMTQyMjEzMjBaFw0zMzA1MTgwMzMzMjBaME4x" +
      "HDAaBgNVBAoMEyBsZWFkLCBhbmQgInRyYWlsIiAxFDASBgNVBAsMCyNoYXNoKzx4PjtcMQowCAYDVQQDDAEgMQwwCgYDVQQF" +
      "DAMxIzIwKjAFBgMrZXADIQAFlS+jbTKJxdqakqDT3MmmDS6rRMhY3DquRBULyEnJbTAFBgMrZXADQQBOiGAISG3quFlZB8KR" +
      "rYjJMUkFTPKM2+7w0a015Y8hfTCIKF6MVPPb1TsTzI8JN79Lm0R+uyFQs7ZGIGbXR6AK",
    subject: 'SERIALNUMBER=1#2,CN=\\ ,OU=\\#hash\\+\\<x\\>\\;\\\\,O=\\ lead\\, and \\"trail\\"\\ ',
    standard: 'SERIALNUMBER=1#2,CN=\\ ,OU=\\#hash\\+\\<x\\>\\;\\\\,O=\\ lead\\, and \\"trail\\"\\ ',
    emails: [],
    dnsNames: [],
    uris: [],
    relativeNames: [
      [["SERIALNUMBER", "1#2"]],
      [["CN", " "]],
      [["OU", "#hash+<x>;\\"]],
      [["O", ' lead, and "trail" ']],
    ],
    fingerprint: "8de333e3523c721cc54cddd8ebed8fb6b7d8a417637d3c9c04c93383f5b58290",
  },
  {
    name: "encodings",
    der:
      "MIIBJDCB16ADAgECAgEBMAUGAytlcDANMQswCQYDVQQDEwJjYTAeFw0yMzExMTQyMjEzMjBaFw0zMzA1MTgwMzMzMjBaMGsx" +
      "ETAPBgNVBAMeCAF9AGwAdQFlMQswCQYDVQQKFALpdDEOMAwGA1UECxIFMTIzIDQxDzANBgNVBAcMBuaXpeacrDELMAkGA1UE" +
      "CBMCc3QxDDAKBgNVBAkMA3MgMTENMAsGA1UEERMEMDAwMTAqMAUGAytlcAMhAAWVL6NtMonF2pqSoNPcyaYNLqtEyFjcOq5E" +
      "FQvIScltMAUGAytlcANBAFRyA3M27CYMTTa6bc8mJjvm/j41A+qnkZntNHx8mFnLTPtB+IJ8tPPdoFirYabSxuZ7b+3R4KJc" +
      "m2Tn0wG1fgw=",
    subject: "CN=Žluť,OU=123 4,O=ét,POSTALCODE=0001,STREET=s 1,L=日本,ST=st",
    standard: "CN=Žluť,OU=123 4,O=ét,POSTALCODE=0001,STREET=s 1,L=日本,ST=st",
    emails: [],
    dnsNames: [],
    uris: [],
    relativeNames: [
      [["POSTALCODE", "0001"]],
      [["STREET", "s 1"]],
      [["ST", "st"]],
      [["L", "日本"]],
      [["OU", "123 4"]],
      [["O", "ét"]],
      [["CN", "Žluť"]],
    ],
    fingerprint: "8de333e3523c721cc54cddd8ebed8fb6b7d8a417637d3c9c04c93383f5b58290",
  },
  {
    name: "no-subject",
    der:
      "MIHdMIGQoAMCAQICAQEwBQYDK2VwMA0xCzAJBgNVBAMTAmNhMB4XDTIzMTExNDIyMTMyMFoXDTMzMDUxODAzMzMyMFowADAq" +
      "MAUGAytlcAMhAAWVL6NtMonF2pqSoNPcyaYNLqtEyFjcOq5EFQvIScltoyIwIDAeBgNVHREBAf8EFDASghBvbmx5LmRucy5l" +
      "eGFtcGxlMAUGAytlcANBAJc7zl2S1Np+BsUjymdZV5acRbCL9fXVymoyTDOP4+Azo+KZKH10CeMXJ/XyiHLu7A8G9PmZzWNm" +
      "Be6lTjoVmQM=",
    subject: "",
    standard: "",
    emails: [],
    dnsNames: ["only.dns.example"],
    uris: [],
    relativeNames: [],
    fingerprint: "8de333e3523c721cc54cddd8ebed8fb6b7d8a417637d3c9c04c93383f5b58290",
  },
  {
    name: "empty-values",
    der:
      "MIH7MIGuoAMCAQICAQEwBQYDK2VwMA0xCzAJBgNVBAMTAmNhMB4XDTIzMTExNDIyMTMyMFoXDTMzMDUxODAzMzMyMFowFjEJ" +
      "MAcGA1UEAwwAMQkwBwYDVQQLDAAwKjAFBgMrZXADIQAFlS+jbTKJxdqakqDT3MmmDS6rRMhY3DquRBULyEnJbaMqMCgwJgYD" +
      "VR0RBB8wHYYbaHR0cHM6Ly9leGFtcGxlLmNvbS9hP2I9YyNkMAUGAytlcANBAAfxvgGpi00M/uDGD9+2XODCL0WZKv2zWcHF" +
      "WZkdb4NWaXqxf4bOpWS13lYPXX7bAqWcP3OB1gBdpC0SX/G6mQY=",
    subject: "OU=",
    standard: "OU=",
    emails: [],
    dnsNames: [],
    uris: ["https://example.com/a?b=c#d"],
    relativeNames: [[["OU", ""]], [["CN", ""]]],
    fingerprint: "8de333e3523c721cc54cddd8ebed8fb6b7d8a417637d3c9c04c93383f5b58290",
  },
  {
    name: "order-of-standard",
    der:
      "MIIBDTCBwKADAgECAgEBMAUGAytlcDANMQswCQYDVQQDEwJjYTAeFw0yMzExMTQyMjEzMjBaFw0zMzA1MTgwMzMzMjBaMFQx" +
      "CzAJBgNVBAUTAjc3MQ4wDAYDVQQDDAVmaXJzdDEPMA0GA1UEAwwGc2Vjb25kMQowCAYDVQQLDAF6MQswCQYDVQQGEwJERTEL" +
      "MAkGA1UEBhMCRlIwKjAFBgMrZXADIQAFlS+jbTKJxdqakqDT3MmmDS6rRMhY3DquRBULyEnJbTAFBgMrZXADQQA5PO9GlMoz" +
      "iM4j3QQkcHSMgp2IzH/Q56rsxmoh7qugowjdO5J1YvsXPq+4xPV9/j7ln/2JucaVt/lBNpZ7zXoA",
    subject: "SERIALNUMBER=77,CN=second,OU=z,C=DE+C=FR",
    standard: "SERIALNUMBER=77,CN=second,OU=z,C=DE+C=FR",
    emails: [],
    dnsNames: [],
    uris: [],
    relativeNames: [
      [["C", "FR"]],
      [["C", "DE"]],
      [["OU", "z"]],
      [["CN", "second"]],
      [["CN", "first"]],
      [["SERIALNUMBER", "77"]],
    ],
    fingerprint: "8de333e3523c721cc54cddd8ebed8fb6b7d8a417637d3c9c04c93383f5b58290",
  },
];

/** Written names and what they are made of; null where the text is no distinguished name. */
export const writtenNames: readonly (readonly [
  string,
  readonly (readonly (readonly [string, string])[])[] | null,
])[] = [
  ["CN=a", [[["CN", "a"]]]],
  ["cn=a, OU = b ,O=c", [[["cn", "a"]], [["OU", "b"]], [["O", "c"]]]],
  [
    "CN=a+OU=b,O=c",
    [
      [
        ["CN", "a"],
        ["OU", "b"],
      ],
      [["O", "c"]],
    ],
  ],
  ["alice", null],
  ["", []],
  ["CN=", []],
  ["CN=,O=x", [[["CN", ""]], [["O", "x"]]]],
  ["O=x,CN=", [[["O", "x"]]]],
  ["=v", null],
  ["CN=a=b", [[["a", "b"]]]],
  ["CN=#0401", null],
  ["CN=a\\,b", [[["CN", "a,b"]]]],
  ["CN=a\\2cb\\C3\\A9", [[["CN", "a,bé"]]]],
  ["CN=\\ a\\ ", [[["CN", " a "]]]],
  ["CN= a b  ", [[["CN", "a b"]]]],
  ["CN=a\\", [[["CN", "a"]]]],
  ["CN=a\\4", null],
  ["CN=a\\zz", null],
  ["CN=é", [[["CN", "é"]]]],
  ["a,CN=b", null],
  ["CN=a,", [[["CN", "a"]]]],
  ["CN=a,,O=b", null],
  ["C N=a", [[["C N", "a"]]]],
  ["CN=a+", []],
  ["a@example.com", null],
  ["spiffe://x/y=z", [[["spiffe://x/y", "z"]]]],
  ["CN=a;O=b", [[["a;O", "b"]]]],
  ['CN="q,r"', null],
  ["CN=a\\\\", [[["CN", "a\\"]]]],
  ["CN=a \\ ", [[["CN", "a  "]]]],
  ["CN", null],
];
