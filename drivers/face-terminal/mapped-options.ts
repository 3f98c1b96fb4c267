import { z } from "zod";
import {
  credentialWords,
  knowsCredentials,
  mappedHttpFields,
  mappedMqttFields,
} from "../json-events/mapped-options.ts";
import { accessMapping } from "./mapped-access.ts";

const mapping = accessMapping.describe("Where in the sender's JSON what stands. Places are JSON pointers (RFC 6901).");

export const mqttOptions = z.strictObject({ ...mappedMqttFields, mapping });
export type MappedAccessMqttOptions = z.output<typeof mqttOptions>;

export const httpOptions = z.strictObject({ ...mappedHttpFields, mapping }).refine(knowsCredentials, credentialWords);
export type MappedAccessHttpOptions = z.output<typeof httpOptions>;
