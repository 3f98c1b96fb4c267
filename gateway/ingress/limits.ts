/** The stated bounds of the embedded broker, each with what happens at it. */
export interface IngressLimits {
  /** Remaining length of a PUBLISH, bytes. Beyond: cut before the body is read. A picture pair is at most 1 MB + 2 MB, in base64. */
  readonly packetBytes: number;
  /** Remaining length of CONNECT, SUBSCRIBE and UNSUBSCRIBE, bytes. Beyond: cut. */
  readonly controlBytes: number;
  /** From the accepted TCP connection to the whole CONNECT, ms. Beyond: cut. */
  readonly connectWithinMs: number;
  /** From the header of a large packet to its last byte, ms. Beyond: cut. */
  readonly packetWithinMs: number;
  /** Bodies of large packets under way on all connections together, bytes. Beyond: later ones wait unread, first come first served. */
  readonly bodiesBytes: number;
  /** TCP connections in all. Beyond: refused at accept. */
  readonly connections: number;
  /** TCP connections from one address. Beyond: refused at accept. */
  readonly connectionsPerAddress: number;
  /** MQTT connections of one device. Beyond: its oldest is cut. */
  readonly connectionsPerDevice: number;
  readonly topicLevels: number;
  readonly topicBytes: number;
  readonly clientIdBytes: number;
  /** A client id stays with the device that used it, this long after its last connection, ms. */
  readonly clientIdHeldMs: number;
  /** Messages of one connection that wait for the log. Beyond: its socket is not read. */
  readonly windowMessages: number;
  /** Their payloads, bytes. Beyond: its socket is not read. */
  readonly windowBytes: number;
  /** From the arrival of a message to its commit, ms. Beyond: cut, so that the device sends again. */
  readonly handleWithinMs: number;
  /** A CONNECT waits this long for the device's session to be opened, ms. Beyond: CONNACK 3, server unavailable. */
  readonly serveWithinMs: number;
  /** Packets of one device, over all its connections. Beyond: its sockets are not read until it is within again. */
  readonly messagesPerSecond: number;
  readonly messageBurst: number;
  readonly bytesPerSecond: number;
  readonly byteBurst: number;
  /** A flood counts as over after so long without a throttled read, ms. */
  readonly floodQuietMs: number;
  /** Bytes to a device that it has not read. Beyond: further messages to it are dropped. */
  readonly downBytes: number;
  /** QoS 2 messages of one MQTT session between PUBREC and PUBREL. Beyond: cut. */
  readonly unreleased: number;
}

const MiB = 1024 * 1024;

export const defaultLimits: IngressLimits = {
  packetBytes: 4 * MiB,
  controlBytes: 16 * 1024,
  connectWithinMs: 10_000,
  packetWithinMs: 60_000,
  bodiesBytes: 64 * MiB,
  connections: 4096,
  connectionsPerAddress: 1024,
  connectionsPerDevice: 8,
  topicLevels: 20,
  topicBytes: 256,
  clientIdBytes: 256,
  clientIdHeldMs: 300_000,
  windowMessages: 500,
  windowBytes: 8 * MiB,
  handleWithinMs: 30_000,
  serveWithinMs: 10_000,
  messagesPerSecond: 200,
  messageBurst: 2000,
  bytesPerSecond: 8 * MiB,
  byteBurst: 32 * MiB,
  floodQuietMs: 30_000,
  downBytes: 256 * 1024,
  unreleased: 1000,
};
