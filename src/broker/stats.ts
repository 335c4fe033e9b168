/** What the whole broker counts. Counters only grow; whoever wants a rate takes a difference. */
export class Stats {
  totalConnections = 0;
  inMessages = 0;
  inBytes = 0;
  outMessages = 0;
  outBytes = 0;
  slowConsumers = 0;
  staleConnections = 0;
  /** How often publishers that have gone since were held back for their receivers; those of now count for themselves. */
  stalledClients = 0;
  readonly httpRequests = new Map<string, number>();
}
