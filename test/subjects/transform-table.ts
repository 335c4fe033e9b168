/**
 * What a transform makes of a subject, and which it refuses: held to Frond in `transform.test.ts` and to a real
 * nats-server in `mapping-interop.test.ts`. No two sources have the same first token, so that one configuration
 * can hold them all.
 */

export interface TransformCase {
  readonly source: string;
  readonly destination: string;
  /** Subject published, subject delivered. */
  readonly subjects: Readonly<Record<string, string>>;
}

export const transformCases: readonly TransformCase[] = [
  { source: "lit.a", destination: "lit.b", subjects: { "lit.a": "lit.b", "lit.a.c": "lit.a.c", lit: "lit" } },
  { source: "p1.*.*", destination: "o1.$2.$1", subjects: { "p1.x.y": "o1.y.x", "p1.x": "p1.x" } },
  { source: "p2.*.*", destination: "o2.$1.$1", subjects: { "p2.x.y": "o2.x.x" } },
  { source: "p3.*", destination: "fixed", subjects: { "p3.x": "fixed" } },
  { source: "p4.*", destination: "o4.$JS.$.$x.$1", subjects: { "p4.x": "o4.$JS.$.$x.x" } },
  { source: "p5.*.*", destination: "o5.$0.$-1.$+2", subjects: { "p5.x.y": "o5.p5.p5.y" } },
  {
    source: "p6.*",
    destination: "o6.$99999999999999999999.$01",
    subjects: { "p6.x": "o6.$99999999999999999999.x" },
  },
  { source: "p7.*", destination: "o7.$1b.a$1.{{}}", subjects: { "p7.x": "o7.$1b.a$1.{{}}" } },
  {
    source: "p8.*",
    destination: "o8.$1",
    subjects: { "p8.*": "o8.*", "p8.>": "p8.>", "p8.": "p8.", "p8.ü": "o8.ü" },
  },
  { source: "w1.*.*", destination: "o.{{wildcard(2)}}.{{Wildcard(1)}}", subjects: { "w1.x.y": "o.y.x" } },
  { source: "w2.*", destination: "o.{{ wildcard ( 1 ) }}.{{{wildcard(1)}}}", subjects: { "w2.x": "o.x.x" } },
  { source: "w3.*", destination: "o.{{x{{wildcard(1)}}", subjects: { "w3.x": "o.x" } },
  { source: "w4.*", destination: "o.{{partition(9)}}{{wildcard(1)}}.a", subjects: { "w4.x": "o.x.a" } },
  { source: "w5.*", destination: "o.{{wildcard(0)}}.{{wildcard(-7)}}", subjects: { "w5.x": "o.w5.w5" } },
  { source: "r1.>", destination: "o.>", subjects: { "r1.x": "o.x", "r1.x.y.z": "o.x.y.z", r1: "r1" } },
  { source: "r2.>", destination: ">", subjects: { "r2.x": "x", "r2.x.y": "x.y" } },
  { source: "r3.*.>", destination: "o.$1.q.>", subjects: { "r3.x.y.z": "o.x.q.y.z" } },
  { source: "r4.*.>", destination: "{{splitfromleft(1,1)}}.>", subjects: { "r4.xy.z": "x.y.z" } },
  { source: "r5.>", destination: "o.$0.>", subjects: { "r5.x": "o.r5.x" } },
  { source: "r6.>", destination: "o.>", subjects: { "r6.>": "o.>", "r6.*": "o.*" } },
  {
    source: "h1.*.*",
    destination: "o.{{partition(10,1,2)}}",
    subjects: { "h1.foo.bar": "o.0", "h1.a.b": "o.6", "h1.ü.ö": "o.5" },
  },
  {
    source: "h2.*.*",
    destination: "o.{{partition(10,2,1)}}",
    subjects: { "h2.foo.bar": "o.2", "h2.foobar.x": "o.0" },
  },
  { source: "h3.*", destination: "o.{{partition(5)}}.$1", subjects: { "h3.a": "o.4.a", "h3.b": "o.2.b" } },
  {
    source: "h4.>",
    destination: "o.{{Partition( 7 )}}.>",
    subjects: { "h4.a.b": "o.2.a.b", "h4.z": "o.1.z" },
  },
  { source: "h5.*", destination: "o.{{partition(0,1)}}.{{partition(1,1)}}", subjects: { "h5.x": "o.0.0" } },
  { source: "h6.*", destination: "o.{{partition(2147483647,1)}}", subjects: { "h6.x": "o.2097959048" } },
  { source: "h7.*", destination: "o.{{partition(-1,1)}}", subjects: { "h7.x": "o.4245442695" } },
  { source: "h8.*", destination: "o.{{partition(100, 0, 1)}}", subjects: { "h8.x": "o.79" } },
  {
    source: "sl.*",
    destination: "o.{{SplitFromLeft(1,3)}}",
    subjects: { "sl.12345": "o.123.45", "sl.123": "o.123", "sl.1": "o.1" },
  },
  {
    source: "sr.*",
    destination: "o.{{splitFromRight(1, 3)}}",
    subjects: { "sr.12345": "o.12.345", "sr.123": "o.123", "sr.1": "o.1" },
  },
  {
    source: "s0.*",
    destination: "o.{{splitfromleft(1,0)}}.{{splitfromright(1,-2)}}",
    subjects: { "s0.abc": "o.abc.abc" },
  },
  {
    source: "cl.*",
    destination: "o.{{slicefromleft(1,2)}}.e",
    subjects: {
      "cl.1234567": "o.12.34.56.7.e",
      "cl.1234": "o.12.34.e",
      "cl.12": "o.12.e",
      "cl.123": "o.12.3.e",
    },
  },
  {
    source: "cr.*",
    destination: "o.{{SliceFromRight(1,3)}}.e",
    subjects: {
      "cr.12345678": "o.12.345.678.e",
      "cr.123456": "o.123.456.e",
      "cr.1234": "o.1.234.e",
      "cr.12": "o.12.e",
    },
  },
  {
    source: "c0.*",
    destination: "o.{{slicefromleft(1,-1)}}.{{slicefromright(1,0)}}",
    subjects: { "c0.abc": "o.abc.abc" },
  },
  {
    source: "le.*",
    destination: "o.{{Left(1,2)}}",
    subjects: { "le.abc": "o.ab", "le.ab": "o.ab", "le.a": "o.a" },
  },
  {
    source: "ri.*",
    destination: "o.{{right(1,2)}}",
    subjects: { "ri.abc": "o.bc", "ri.ab": "o.ab", "ri.a": "o.a" },
  },
  { source: "l0.*", destination: "o.{{left(1,0)}}.{{right(1,-1)}}", subjects: { "l0.abc": "o.abc.abc" } },
  {
    source: "sp.*",
    destination: "o.{{split(1,-)}}.e",
    subjects: {
      "sp.a-b-c": "o.a.b.c.e",
      "sp.-a--b-": "o.a.b.e",
      "sp.a---b": "o.a.b.e",
      "sp.ab": "o.ab.e",
    },
  },
  {
    source: "s2.*",
    destination: "o.{{Split(1, <>)}}",
    subjects: { "s2.a<>b<>": "o.a.b", "s2.a<b": "o.a<b" },
  },
  { source: "s3.*", destination: "o.{{split(1,)}}", subjects: { "s3.abc": "o.a.b.c", "s3.aüb": "o.a.ü.b" } },
  { source: "s4.*", destination: "o.{{split(1,é)}}", subjects: { "s4.caféx": "o.caf.x" } },
  { source: "ra.*", destination: "o.{{random(1)}}.{{Random(0)}}.$1", subjects: { "ra.x": "o.0.0.x" } },
];

export interface RefusedCase {
  readonly source: string;
  readonly destination: string;
  /** What nats-server says, after `Error adding mapping for … : `. */
  readonly message: string;
}

const badDestination = "invalid mapping destination: ";
const badArgument = `${badDestination}function argument is invalid or in the wrong format in `;
const tooFew = `${badDestination}not enough arguments passed to the function in `;
const tooMany = `${badDestination}too many arguments passed to the function in `;
const outOfRange = `${badDestination}wildcard index out of range in `;
const unknown = `${badDestination}unknown function in `;

/** Refused as an account mapping. */
export const refusedCases: readonly RefusedCase[] = [
  { source: "a1.*", destination: "b.$2", message: `${outOfRange}$2: [2]` },
  { source: "a2.*", destination: "b.*", message: "invalid subject" },
  { source: "a3.*", destination: "b.>", message: "invalid subject" },
  { source: "a4.>", destination: "b", message: "invalid subject" },
  { source: "a5.*", destination: "b..c", message: `${badDestination}invalid transform` },
  { source: "a6.*", destination: ".", message: `${badDestination}invalid transform` },
  { source: "a7.>", destination: "b.>.c", message: `${badDestination}invalid transform in c` },
  { source: "a8.*", destination: "b c", message: `${badDestination}invalid transform` },
  { source: "a9.*", destination: "b.{{nope(1)}}", message: `${unknown}{{nope(1)}}` },
  { source: "a10.*", destination: "b.{{SPLIT(1,-)}}", message: `${unknown}{{SPLIT(1,-)}}` },
  { source: "a11.*", destination: "b.{{wildcard}}", message: `${unknown}{{wildcard}}` },
  { source: "a12.*", destination: "b.{{wildcard()}}", message: `${tooFew}{{wildcard()}}` },
  { source: "a13.*", destination: "b.{{wildcard(1,2)}}", message: `${tooMany}{{wildcard(1,2)}}` },
  { source: "a14.*", destination: "b.{{wildcard(x)}}", message: `${badArgument}{{wildcard(x)}}` },
  { source: "a15.*", destination: "b.{{wildcard(1 1)}}", message: `${badArgument}{{wildcard(1 1)}}` },
  {
    source: "a16.*",
    destination: "b.{{wildcard(1)}}{{wildcard(1)}}",
    message: `${badArgument}{{wildcard(1)}}{{wildcard(1)}}`,
  },
  { source: "a17.*", destination: "é.{{wildcard(ü)}}", message: `${badArgument}{{wildcard(ü)}}` },
  { source: "a18.*", destination: "b.{{partition()}}", message: `${badArgument}{{partition()}}` },
  {
    source: "a19.*",
    destination: "b.{{partition(2147483648)}}",
    message: `${badArgument}{{partition(2147483648)}}`,
  },
  { source: "a20.*", destination: "b.{{partition(3,y)}}", message: `${badArgument}{{partition(3,y)}}` },
  { source: "a21.*", destination: "b.{{partition(3,2)}}", message: `${outOfRange}{{partition(3,2)}}: [2]` },
  { source: "a22.*", destination: "b.{{split(1)}}", message: `${tooFew}{{split(1)}}` },
  { source: "a23.*", destination: "b.{{split(1,a,b)}}", message: `${tooMany}{{split(1,a,b)}}` },
  { source: "a24.*", destination: "b.{{split(1,a )}}", message: `${badArgument}{{split(1,a )}}` },
  { source: "a25.*", destination: "b.{{split(x,a)}}", message: `${badArgument}{{split(x,a)}}` },
  { source: "a26.*", destination: "b.{{left(1)}}", message: `${tooFew}{{left(1)}}` },
  { source: "a27.*", destination: "b.{{right(1,2,3)}}", message: `${tooMany}{{right(1,2,3)}}` },
  {
    source: "a28.*",
    destination: "b.{{splitfromleft(1,2147483648)}}",
    message: `${badArgument}{{splitfromleft(1,2147483648)}}`,
  },
  {
    source: "a29.*",
    destination: "b.{{slicefromright(2,1)}}",
    message: `${outOfRange}{{slicefromright(2,1)}}: [2]`,
  },
  { source: "a30.*", destination: "b.{{random()}}", message: `${badArgument}{{random()}}` },
  { source: "a31.*", destination: "b.{{random(1,2)}}", message: `${tooFew}{{random(1,2)}}` },
  { source: "a32", destination: "b.$1", message: `${outOfRange}$1` },
  { source: "a33", destination: "b.{{wildcard(0)}}", message: `${outOfRange}{{wildcard(0)}}` },
  { source: "a34", destination: "b.{{left(1,2)}}", message: `${outOfRange}{{left(1,2)}}` },
  { source: "a35.>", destination: "b.$1.>", message: `${outOfRange}$1: [1]` },
  { source: "a36.*", destination: "$9223372036854775808.$2", message: `${outOfRange}$2: [2]` },
];
