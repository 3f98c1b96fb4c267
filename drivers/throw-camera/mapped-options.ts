import { z } from "zod";
import { viewProfile } from "../json-events/client-options.ts";
import {
  credentialWords,
  knowsCredentials,
  mappedHttpFields,
  mappedMqttFields,
} from "../json-events/mapped-options.ts";
import { throwMapping } from "./mapped-throw.ts";

const mapping = throwMapping.describe("Where in the sender's JSON what stands. Places are JSON pointers (RFC 6901).");

export const mqttOptions = z.strictObject({ ...mappedMqttFields, mapping, profile: viewProfile });
export type MappedThrowMqttOptions = z.output<typeof mqttOptions>;

export const httpOptions = z
  .strictObject({ ...mappedHttpFields, mapping, profile: viewProfile })
  .refine(knowsCredentials, credentialWords);
export type MappedThrowHttpOptions = z.output<typeof httpOptions>;
