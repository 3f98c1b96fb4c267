import { createPrivateKey, X509Certificate } from "node:crypto";
import { z } from "zod";
import { durationSchema } from "../../gateway/domain/duration.ts";

const pem = (what: string, read: (text: string) => unknown) =>
  z.string().refine((text) => {
    try {
      read(text);
      return text.includes("-----BEGIN ");
    } catch {
      return false;
    }
  }, `the PEM text of ${what}, for example "\${file:certs/it.pem}"`);
const certificateOf = (whose: string) => pem(`${whose} certificate`, (text) => new X509Certificate(text));

/** What the configuration says of an OPC UA server that is a device of the site. */
export const opcUaOptions = z
  .strictObject({
    endpoint: z
      .string()
      .regex(/^opc\.tcp:\/\/[^\s/?#@]+(\/\S*)?$/, "an address such as opc.tcp://192.0.2.7:4840")
      .describe("Where the server listens."),
    profile: z.string().min(1).describe("Name of a built-in profile, or the path of one: docs/opcua.md."),
    securityMode: z
      .enum(["SignAndEncrypt", "Sign", "None"])
      .default("SignAndEncrypt")
      .describe("None only for a server on a network of its own that knows no other: anybody on it may then lie."),
    securityPolicy: z
      .enum(["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"])
      .default("Basic256Sha256")
      .describe("Older policies are not spoken."),
    serverCertificate: certificateOf("the server's")
      .optional()
      .describe(
        "The only certificate that the server may show, however old: named by `file:`. Without it the server's certificate has to lie in `opcua/client/trusted/certs` of the data directory.",
      ),
    user: z
      .string()
      .min(1)
      .optional()
      .describe("As set up on the server. Without it the gateway signs in anonymously."),
    password: z.string().min(1).optional().describe("Better kept in a file of its own and named by `file:`."),
    certificate: certificateOf("the user's").optional().describe("A user's certificate in place of name and password."),
    key: pem("the key of that certificate, without a passphrase", createPrivateKey)
      .optional()
      .describe("Its private key."),
    publishEvery: durationSchema.prefault("500ms").describe("How often the server sends what has changed."),
    keepAlive: durationSchema
      .prefault("10s")
      .describe(
        "The server says at least so often that it is there. Three times that in silence, and the link is lost.",
      ),
  })
  .superRefine((options, context) => {
    const fail = (key: string, message: string) => context.addIssue({ code: "custom", path: [key], message });
    const { user, password, certificate, key, securityMode, publishEvery, keepAlive } = options;
    if ((user === undefined) !== (password === undefined)) fail("password", "user and password together");
    if ((certificate === undefined) !== (key === undefined)) fail("key", "certificate and key together");
    if (user !== undefined && certificate !== undefined) fail("user", "either a password or a certificate");
    if (
      securityMode === "None" &&
      (user !== undefined || certificate !== undefined || options.serverCertificate !== undefined)
    )
      fail("securityMode", "Sign or SignAndEncrypt: without them nobody knows to whom the password goes");
    if (publishEvery < 50 || publishEvery > 60_000) fail("publishEvery", "50ms to 60s");
    if (keepAlive < 1000 || keepAlive > 600_000) fail("keepAlive", "1s to 10m");
    else if (keepAlive < 3 * publishEvery) fail("keepAlive", "at least three times publishEvery");
  });

export type OpcUaOptions = z.output<typeof opcUaOptions>;

/** Rounds of publishing without news after which the server says that it is there. */
export function keepAliveCount({ publishEvery, keepAlive }: OpcUaOptions): number {
  return Math.max(3, Math.round(keepAlive / publishEvery));
}
