import mqtt, { type MqttClient } from "mqtt";

/** An MQTT 3.1.1 device client for tests: one connection, no retry of its own. */
export function connectDevice(
  port: number,
  username: string,
  password: string,
  clientId = username,
): Promise<MqttClient> {
  return mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, {
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: 5000,
    clientId,
    username,
    password,
  });
}
