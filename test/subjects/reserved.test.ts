/** Which subjects the broker does not use on somebody's behalf, and which replies it does not answer. */
import { describe, expect, test } from "vitest";
import {
  isFlowControlReply,
  isRequestSubject,
  isReservedDestination,
  isReservedReply,
  isReservedSubject,
  isUnanswerable,
  mayBeReservedReply,
  mayBeReservedSubject,
} from "../../src/subjects/reserved.ts";

interface Verdicts {
  /** Not as the reply of a client's publish. */
  readonly reply: boolean;
  /** No service answers it. */
  readonly unanswerable: boolean;
  /** Not as a destination on somebody's behalf. */
  readonly destination: boolean;
  /** `allow_responses` does not grant it. */
  readonly request: boolean;
}

const [yes, no] = [true, false];
const table: readonly (readonly [
  subject: string,
  ...verdicts: readonly [boolean, boolean, boolean, boolean],
])[] = [
  // Subject, reply, unanswerable, destination, request.
  ["foo", no, no, no, no],
  ["_INBOX.a.b", no, no, no, no],
  ["$KV.b.k", no, no, no, no],
  ["$OBJ.b.C.x", no, no, no, no],
  ["$JSC.R.x", no, no, no, no],
  ["$JS", no, no, no, no],
  ["$JS.", no, no, no, no],
  ["$JSX.API.x", no, no, no, no],
  ["$JS.API.STREAM.DELETE.V", yes, yes, yes, yes],
  ["$JS.API", yes, yes, yes, yes],
  ["$JS.hub.API.STREAM.DELETE.V", yes, yes, yes, yes],
  ["$JS.hub.other", yes, yes, no, no],
  ["$JS.M.x", yes, yes, no, no],
  ["$JS.ACK.S.C.1.1.1.1.0", yes, yes, yes, no],
  ["$JS.FC.S.C.x", yes, yes, yes, no],
  ["$JS.SNAPSHOT.RESTORE.S.x", yes, yes, yes, no],
  ["$JS.EVENT.ADVISORY.API", yes, yes, yes, no],
  ["_R_.x.y", yes, no, yes, no],
  ["_R_.", yes, no, yes, no],
  ["_R_", no, no, no, no],
  ["_GR_.c.s.foo", yes, no, yes, no],
  ["_GR_.c.s.$JS.API.STREAM.DELETE.V", yes, yes, yes, no],
  ["_GR_.", no, no, no, no],
  ["$GR.c.foo", yes, no, yes, no],
  ["$GR.c.$JS.API.INFO", yes, yes, yes, no],
  ["$NRG.x", no, no, yes, no],
  ["$LDS.x", no, no, yes, no],
  ["$SYS.REQ.SERVER.PING", yes, yes, yes, yes],
  ["$SYS._INBOX.x.y", no, no, yes, no],
  ["$SYS._INBOX_.x", no, no, yes, no],
  ["$SYS", no, no, no, no],
  ["$FROND.DLQ.REDRIVE.S.c", yes, yes, yes, yes],
  ["$FRONDS.x", no, no, no, no],
];

function verdictsOn(subject: string): Verdicts {
  return {
    reply: isReservedReply(subject),
    unanswerable: isUnanswerable(subject),
    destination: isReservedDestination(subject),
    request: isRequestSubject(subject),
  };
}

describe("a reserved subject", () => {
  test.each(table)("%s", (subject, reply, unanswerable, destination, request) => {
    expect(verdictsOn(subject)).toEqual({ reply, unanswerable, destination, request });
  });

  test("is never passed by the look at its first bytes", () => {
    for (const [subject, reply, unanswerable] of table) {
      const bytes = Buffer.from(subject, "latin1");
      if (reply || unanswerable) expect([subject, mayBeReservedReply(bytes, 0)]).toEqual([subject, true]);
      if (isReservedSubject(subject))
        expect([subject, mayBeReservedSubject(bytes, 0)]).toEqual([subject, true]);
    }
    expect(mayBeReservedReply(Buffer.from("_INBOX.x"), 0)).toBe(false);
    expect(mayBeReservedSubject(Buffer.from("$JS.ACK.x"), 0)).toBe(false);
  });

  test("is what only the broker publishes to, but for the system account's own", () => {
    expect(
      ["_GR_.x", "$GR.x", "$NRG.x", "$NRG.", "$JS.API.x"].map((each) => isReservedSubject(each)),
    ).toEqual([yes, yes, yes, yes, no]);
    expect(isReservedSubject("$NRG.x", true)).toBe(false);
  });

  test("of flow control is the only one that a mirror answers", () => {
    expect(["$JS.FC.S.c.x", "$JS.FC.", "$JS.API.STREAM.DELETE.V", "foo"].map(isFlowControlReply)).toEqual([
      yes,
      no,
      no,
      no,
    ]);
  });
});
