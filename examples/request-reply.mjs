// Microservices: three workers share the requests to a service in a queue group.
//
//   node examples/request-reply.mjs
//
// The broker runs inside this program, so you need not start anything first. If NATS_URL is set, the services use the
// broker at that address instead.
import { connect, RequestError } from "@nats-io/transport-node";
import { createBroker } from "frond";

const broker = process.env.NATS_URL === undefined ? await createBroker({ port: 0 }) : null;
const servers = process.env.NATS_URL ?? broker.url;
console.log(`broker at ${servers}`);

/** Answers `price.quote` in the queue group `pricing`: each request goes to one member of the group. */
async function startWorker(name) {
  const connection = await connect({ servers, name });
  let answered = 0;
  connection.subscribe("price.quote", {
    queue: "pricing",
    callback: (error, request) => {
      if (error !== null) return console.error(`${name}: ${error.message}`);
      const { item, quantity } = request.json();
      answered++;
      request.respond(JSON.stringify({ item, total: quantity * 250, by: name }));
    },
  });
  // When this resolves, the broker has processed the subscription.
  await connection.flush();
  return {
    name,
    get answered() {
      return answered;
    },
    // The worker accepts no new requests and answers those that it has, so replacing a worker loses nothing.
    stop: () => connection.drain(),
  };
}

const workers = await Promise.all(["worker-1", "worker-2", "worker-3"].map(startWorker));
const shop = await connect({ servers, name: "shop" });
const quote = async (item, quantity) => {
  const answer = await shop.request("price.quote", JSON.stringify({ item, quantity }), { timeout: 2_000 });
  return answer.json();
};

const first = await quote("lamp", 4);
console.log(`4 lamps cost ${first.total}`);

await Promise.all(Array.from({ length: 300 }, (_, at) => quote("lamp", at)));
const shares = workers.map(({ answered }) => answered);
console.log(
  `301 requests, answered by ${shares.filter((share) => share > 50).length} workers, more than 50 each`,
);
console.log(`answers in all: ${shares.reduce((sum, share) => sum + share, 0)}`);

// A worker stops while requests are in flight.
const during = Array.from({ length: 100 }, (_, at) => quote("chair", at));
await workers[0].stop();
const answers = await Promise.all(during);
console.log(`while worker-1 was going away: ${answers.length} requests, ${answers.length} answers`);

// If no worker is left, the caller gets an error at once and does not wait for its timeout.
await Promise.all(workers.slice(1).map((worker) => worker.stop()));
try {
  await quote("table", 1);
} catch (error) {
  if (!(error instanceof RequestError) || !error.isNoResponders()) throw error;
  console.log("nobody left: no responders");
}

await shop.close();
await broker?.close();
