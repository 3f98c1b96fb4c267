import { z } from "zod";
import type { HttpGrants } from "../../gateway/ports/driver.ts";
import {
  type CommonOptions,
  cameraShape,
  commonShape,
  deviceId,
  type GivenByFamily,
  type GivenCommon,
  resolveCommon,
  terminalShape,
} from "./options.ts";

/** The device's own HTTP server, which is asked to push to us. */
export interface OwnServer {
  /** `http://host:port`, without a path. */
  readonly address: string;
  readonly username: string;
  readonly password: string;
  /** `http://host:port` of our ingest listener as the device sees it. */
  readonly callback: string;
}

/** Options of a device that pushes over HTTP, as the session uses them. */
export interface FaceSluiceHttpOptions extends CommonOptions {
  readonly username?: string;
  readonly password?: string;
  readonly token?: string;
  readonly paths: readonly string[];
  readonly server?: OwnServer;
}

const originWords = "http://host or http://host:port, without a path";
const origin = z
  .string("text")
  .max(256, "at most 256 characters")
  .refine(isOrigin, originWords)
  .transform((value) => new URL(value).origin);

function isOrigin(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, pathname, search, hash, username, password } = new URL(value);
  const bare = pathname === "/" && search === "" && hash === "" && username === "" && password === "";
  return bare && (protocol === "http:" || protocol === "https:");
}

const text = (what: string, most: number) => z.string("text").min(1, what).max(most, `at most ${most} characters`);

const httpShape = {
  deviceId: deviceId.describe("The DeviceID in its payloads."),
  username: text("a user name", 128).optional().describe("With which this device alone signs in at the gateway."),
  password: text("a password", 256).optional().describe("Likewise."),
  token: z
    .string("text")
    .regex(/^[A-Za-z0-9_-]{16,128}$/, "16 to 128 letters, digits, - or _")
    .optional()
    .describe("In place of user name and password, for firmware that cannot sign in: a secret in the address."),
  paths: z
    .array(z.string("text").regex(/^\/[A-Za-z0-9/_.-]{1,127}$/, "a path such as /Subscribe/PushVideo"))
    .max(8, "at most 8")
    .default([])
    .describe(
      "Further paths to which this device alone pushes, such as /Subscribe/PushVideo, which is fixed in firmware.",
    ),
  ...commonShape,
  server: z
    .strictObject({
      address: origin.describe("Of the device's own HTTP server: http://host:port, 8080 or 80 as delivered."),
      username: text("a user name", 128).describe("Of the device's own account, for /action/…"),
      password: text("a password", 256).describe("Likewise."),
      callback: origin.describe("The gateway's ingest listener as the device sees it: http://gateway:port."),
    })
    .optional()
    .describe(
      "With it the gateway subscribes at the device, again whenever it falls silent, and can give it commands.",
    ),
};

/** What the configuration says of a terminal that pushes over HTTP. */
export const faceSluiceHttpOptions = z
  .strictObject({ ...httpShape, ...terminalShape })
  .superRefine(signsIn)
  .transform(resolveHttp);

/** What it says of a camera. */
export const faceSluiceHttpCameraOptions = z
  .strictObject({ ...httpShape, ...cameraShape })
  .superRefine(signsIn)
  .transform(resolveHttp);

interface Given extends GivenCommon, GivenByFamily {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  readonly paths: readonly string[];
  readonly server?: OwnServer | undefined;
}

function signsIn({ username, password, token }: Given, context: z.RefinementCtx): void {
  const account = username !== undefined && password !== undefined;
  const half = (username === undefined) !== (password === undefined);
  if (account !== (token !== undefined) && !half) return;
  const message = "either username and password, or token";
  context.addIssue({ code: "custom", path: [username === undefined ? "username" : "token"], message });
}

function resolveHttp(given: Given): FaceSluiceHttpOptions {
  const { username, password, token, paths, server } = given;
  return {
    ...resolveCommon(given),
    ...(username === undefined || password === undefined ? {} : { username, password }),
    ...(token === undefined ? {} : { token }),
    paths,
    ...(server === undefined ? {} : { server }),
  };
}

/** A picture of 1 MB and a scene of 2 MB in base64, and what stands around them (HTTP V1.13 §1.1). */
const maxBodyBytes = 6 * 1024 * 1024;

export function faceSluiceHttpGrants({ username, password, token, paths }: FaceSluiceHttpOptions): HttpGrants {
  return {
    ...(username === undefined || password === undefined ? {} : { username, password }),
    ...(token === undefined ? {} : { token }),
    paths,
    maxBodyBytes,
  };
}
