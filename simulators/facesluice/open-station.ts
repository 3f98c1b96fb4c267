import { HttpStation, type HttpStationOptions } from "./http-station.ts";
import { MqttStation } from "./mqtt-station.ts";
import type { Station, StationOptions } from "./station.ts";

/** MQTT unless it says otherwise. */
export type AnyStationOptions =
  | (StationOptions & { readonly transport?: "mqtt" | undefined })
  | (HttpStationOptions & { readonly transport: "http" });

export function openStation(options: AnyStationOptions): Station {
  return options.transport === "http" ? new HttpStation(options) : new MqttStation(options);
}
