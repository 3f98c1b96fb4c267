import { randomUUID } from "node:crypto";
import { connect, type MqttClient } from "mqtt";

export interface CityConnection {
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly clientId?: string | undefined;
  /** MQTT 5 where the broker offers it, else 3.1.1, unless one is named. */
  readonly version?: 4 | 5 | undefined;
}

/**
 * Connects and subscribes with QoS 1 in a session that outlives the connection, so that the broker keeps what comes
 * meanwhile. Reconnects by itself afterwards.
 */
export async function connectCity(
  options: CityConnection,
  filter: string,
  hear: (topic: string, payload: Uint8Array, retained: boolean) => void,
): Promise<MqttClient> {
  const clientId = options.clientId ?? `city-${randomUUID().slice(0, 8)}`;
  const versions = options.version === undefined ? ([5, 4] as const) : [options.version];
  let failure: unknown;
  for (const version of versions) {
    try {
      return await attempt(options, clientId, version, filter, hear);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function attempt(
  { url, username, password }: CityConnection,
  clientId: string,
  protocolVersion: 4 | 5,
  filter: string,
  hear: (topic: string, payload: Uint8Array, retained: boolean) => void,
): Promise<MqttClient> {
  const client = connect(url, {
    clientId,
    protocolVersion,
    clean: false,
    reconnectPeriod: 500,
    connectTimeout: 10_000,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
  });
  client.on("message", (topic, payload, packet) => hear(topic, payload, packet.retain));
  try {
    await new Promise<void>((resolve, reject) => {
      client.once("connect", () => resolve());
      client.once("error", reject);
      client.once("close", () => reject(new Error(`${url} closed the connection`)));
    });
    const [granted] = await client.subscribeAsync(filter, { qos: 1 });
    if ((granted?.qos ?? 128) > 2) throw new Error(`${url} refused the subscription to ${filter}`);
  } catch (error) {
    client.end(true);
    throw error;
  }
  client.on("error", () => {});
  return client;
}
