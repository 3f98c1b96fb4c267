/** The stated bounds of the ingest listener, each with what happens at it. */
export interface IngestLimits {
  /** Request line and headers together, bytes. Beyond: 431. */
  readonly headerBytes: number;
  /** From the accepted connection to the end of the headers, ms. Beyond: cut. */
  readonly headersWithinMs: number;
  /** Between the requests of one connection, ms. Beyond: cut. */
  readonly idleMs: number;
  /** From the end of the headers to the end of the body, ms. Beyond: cut. */
  readonly bodyWithinMs: number;
  /** Of a body what is kept, bytes, where the dialect does not say. Beyond: 413. */
  readonly bodyBytes: number;
  /** Of a multipart body with the files that are dropped from it, bytes. Beyond: 413. */
  readonly multipartBytes: number;
  /** Bodies under way on all connections together, bytes. Beyond: later ones wait unread, first come first served. */
  readonly bodiesBytes: number;
  /** TCP connections in all. Beyond: refused at accept. */
  readonly connections: number;
  /** TCP connections from one address. Beyond: refused at accept. */
  readonly connectionsPerAddress: number;
  /** Requests of one device. Beyond: 429. */
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
  /** Requests of one device that are read or wait for their turn. Beyond: 503. */
  readonly requestsPerDevice: number;
  /** Their bodies, bytes. Beyond: 503, unless it is the only one. */
  readonly bytesPerDevice: number;
  /** A request waits this long for the device's session to be opened, ms. Beyond: 503. */
  readonly serveWithinMs: number;
  /** A session gets this long for one request, ms. Beyond: 503, and the next one is handed over. */
  readonly handleWithinMs: number;
  /** A flood counts as over after so long without a refusal for it, ms. */
  readonly floodQuietMs: number;
  /** A nonce of ours is good for this long, ms. Beyond: `stale`. */
  readonly nonceMs: number;
  /** Of a refused body this is read away, bytes, so that the answer arrives. Beyond: cut. */
  readonly drainBytes: number;
  readonly drainMs: number;
}

const MiB = 1024 * 1024;

export const defaultIngestLimits: IngestLimits = {
  headerBytes: 16 * 1024,
  headersWithinMs: 10_000,
  idleMs: 75_000,
  bodyWithinMs: 60_000,
  bodyBytes: 4 * MiB,
  multipartBytes: 128 * MiB,
  bodiesBytes: 64 * MiB,
  connections: 1024,
  connectionsPerAddress: 256,
  requestsPerSecond: 20,
  requestBurst: 200,
  requestsPerDevice: 16,
  bytesPerDevice: 16 * MiB,
  serveWithinMs: 10_000,
  handleWithinMs: 30_000,
  floodQuietMs: 30_000,
  nonceMs: 300_000,
  drainBytes: MiB,
  drainMs: 2000,
};
