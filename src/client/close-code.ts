/** The WebSocket close code for a reason. Source: nats-server `wsEnqueueCloseMessage`. */
export function closeCodeOf(reason: string): number {
  switch (reason) {
    case "Client Closed":
      return 1000;
    case "Authentication Timeout":
    case "Authentication Failure":
    case "Authentication Expired":
    case "Credentials Revoked":
    case "Maximum Connections Exceeded":
    case "Maximum Account Connections Exceeded":
    case "Maximum Subscriptions Exceeded":
    case "Maximum Control Line Exceeded":
    case "Missing Account":
      return 1008;
    case "Parse Error":
    case "Protocol Violation":
    case "Bad Client Protocol Version":
    case "No Responders Requires Headers":
      return 1002;
    case "Maximum Message Payload Exceeded":
      return 1009;
    case "Stale Connection":
    case "Server Shutdown":
      return 1001;
    default:
      return 1011;
  }
}
