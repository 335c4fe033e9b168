/** Two versions: the product's own, and that of the newest NATS release whose client-visible behaviour it has. */

export const productVersion = "0.1.0";

/** Plain semver, since clients switch features on by it. Never ahead of what works. */
export const natsVersion = "2.14.0";

/** Of JetStream's API, as that release has it. */
export const jetStreamApiLevel = 4;
