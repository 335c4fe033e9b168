import {
  type Collected,
  type ScenarioGroup,
  collect,
  equal,
  numbers,
  respond,
  settle,
  within,
} from "../scenario.ts";
import { delay, patienceMs } from "../../fixture/waiting.ts";

/** One member of a queue group for each message, whoever comes and goes. */
export const queueGroup: ScenarioGroup = {
  noun: "queue group",
  scenarios: {
    "each message goes to one member, in fair shares": async ({ connect, subject }) => {
      const publisher = await connect();
      const connections = [await connect(), await connect(), await connect()];
      // The third connection holds two members: a share is for a member, not for a connection.
      const holders = [connections[0], connections[1], connections[2], connections[2]];
      const members = holders.map((holder) =>
        collect(holder ?? publisher, subject("work"), { queue: "workers" }),
      );
      await settle(publisher, ...connections);
      for (const text of numbers(1000)) publisher.publish(subject("work"), text);
      await settle(publisher, ...connections);
      equal(sortedTexts(members), numbers(1000), "each message once");
      // A quarter is 250; chance alone stays within 170 to 330 but for one run in many millions.
      for (const member of members) within(member.messages.length, 170, 330, "share of a member");
    },

    "groups do not take from each other nor from plain subscribers": async ({ connect, subject }) => {
      const [publisher, one, two] = [await connect(), await connect(), await connect()];
      const red = [one, two].map((connection) => collect(connection, subject("work"), { queue: "red" }));
      const blue = [one, two].map((connection) => collect(connection, subject("work"), { queue: "blue" }));
      const plain = [one, two].map((connection) => collect(connection, subject("work")));
      await settle(publisher, one, two);
      for (const text of numbers(200)) publisher.publish(subject("work"), text);
      await settle(publisher, one, two);
      equal(sortedTexts(red), numbers(200), "red");
      equal(sortedTexts(blue), numbers(200), "blue");
      for (const received of plain) equal(received.texts(), numbers(200), "plain");
    },

    "members of one name are one group whatever their pattern": async ({ connect, subject }) => {
      const [publisher, worker] = [await connect(), await connect()];
      const patterns = ["work.a", "work.*", "work.>", ">"];
      const members = patterns.map((pattern) => collect(worker, subject(pattern), { queue: "workers" }));
      await worker.flush();
      for (const text of numbers(400)) publisher.publish(subject("work.a"), text);
      await settle(publisher, worker);
      equal(sortedTexts(members), numbers(400), "each message once");
      for (const member of members) within(member.messages.length, 40, 200, "share of a pattern");
    },

    "a member alone gets everything in order": async ({ connect, subject }) => {
      const [publisher, worker] = [await connect(), await connect()];
      const member = collect(worker, subject("work"), { queue: "workers" });
      await worker.flush();
      for (const text of numbers(500)) publisher.publish(subject("work"), text);
      await settle(publisher, worker);
      equal(member.texts(), numbers(500), "messages");
    },

    "a member that drains mid-stream loses nothing": async ({ connect, subject }) => {
      const publisher = await connect();
      const workers = [await connect(), await connect(), await connect()];
      const members = workers.map((worker) => collect(worker, subject("work"), { queue: "workers" }));
      await settle(publisher, ...workers);
      let leaving: Promise<void> | undefined;
      for (const text of numbers(3000)) {
        publisher.publish(subject("work"), text);
        if (text === "1000") leaving = members[0]?.subscription.drain();
        // Time for the drain to cross the stream somewhere in its middle.
        if (Number(text) % 200 === 0) await delay(1);
      }
      await leaving;
      await settle(publisher, ...workers);
      equal(sortedTexts(members), numbers(3000), "each message once");
      within(members[0]?.messages.length ?? 0, 1, 2000, "messages of the member that left");
    },

    "a member whose connection closes takes only what was sent to it": async ({ connect, subject }) => {
      const publisher = await connect();
      const [leaver, stayer] = [await connect(), await connect()];
      const left = collect(leaver, subject("work"), { queue: "workers" });
      const stayed = collect(stayer, subject("work"), { queue: "workers" });
      await settle(publisher, leaver, stayer);
      for (const text of numbers(500)) publisher.publish(subject("work"), text);
      await settle(publisher, leaver, stayer);
      equal(sortedTexts([left, stayed]), numbers(500), "each message once");
      await leaver.close();
      // The broker learns of the close in its own time: wait until twenty in a row found the other member.
      let inRow = 0;
      for (let attempt = 0; attempt < 200 && inRow < 20; attempt++) {
        const before = stayed.messages.length;
        publisher.publish(subject("work"), "probe");
        await settle(publisher, stayer);
        inRow = stayed.messages.length > before ? inRow + 1 : 0;
        if (inRow === 0) await delay(5);
      }
      const before = stayed.messages.length;
      for (const text of numbers(500)) publisher.publish(subject("work"), text);
      await settle(publisher, stayer);
      equal(stayed.texts().slice(before), numbers(500), "everything goes to the member that stayed");
    },

    "a group of responders answers each request once": async ({ connect, subject }) => {
      const [client, server] = [await connect(), await connect()];
      const answered = [0, 0, 0];
      for (const index of answered.keys()) {
        const answer = (reply: { respond(text: string): boolean }) => {
          answered[index] = (answered[index] ?? 0) + 1;
          reply.respond(String(index));
        };
        respond(server, subject("service"), answer, { queue: "service" });
      }
      await server.flush();
      const replies = await Promise.all(
        numbers(150).map((text) => client.request(subject("service"), text, { timeout: patienceMs })),
      );
      await settle(client, server);
      equal(replies.length, 150, "replies");
      equal(
        answered.reduce((sum, count) => sum + count, 0),
        150,
        "requests seen by all responders",
      );
      for (const count of answered) within(count, 15, 100, "share of a responder");
    },
  },
};

function sortedTexts(members: readonly Collected[]): string[] {
  return members.flatMap((member) => member.texts()).sort((a, b) => Number(a) - Number(b));
}
