import { GatewayError } from "../../gateway/domain/errors.ts";
import { trustedFolder } from "./pki.ts";

/** Refusals by the server, or by us of the server (OPC UA Part 4 §7.39.2). */
const ofSignIn = [
  "BadIdentityTokenRejected",
  "BadIdentityTokenInvalid",
  "BadUserAccessDenied",
  "BadUserSignatureInvalid",
];
const ofUs = [
  "BadSecurityChecksFailed",
  "BadCertificateUriInvalid",
  "BadCertificateUseNotAllowed",
  "BadApplicationSignatureInvalid",
];

export interface LinkPlace {
  readonly endpoint: string;
  readonly pkiFolder: string;
  readonly certificateFile: string;
  /** The configuration names the certificate that the server has to show. */
  readonly pinned: boolean;
}

/** What went wrong when the link was opened, in terms of what to do. Texts of the server are not repeated, but for its status. */
export function refusalOf(error: unknown, place: LinkPlace): GatewayError {
  const message = error instanceof Error ? error.message : String(error);
  const status = /\bBad[A-Z][A-Za-z]+/.exec(message)?.[0];
  const { endpoint, pkiFolder, certificateFile, pinned } = place;
  const make = (code: ConstructorParameters<typeof GatewayError>[0], text: string) =>
    new GatewayError(code, `${endpoint}: ${text}`, { cause: error });
  if (/server Certificate verification failed/i.test(message)) {
    if (status === "BadCertificateTimeInvalid") {
      return make("LINK_LOST", "the server's certificate is not valid at this time; one of the clocks may be wrong");
    }
    return make(
      "CERTIFICATE_REFUSED",
      `the server's certificate is not trusted (${status ?? "no status"}). It was put into ${pkiFolder}/rejected: compare its thumbprint with the server, then move it to ${trustedFolder(pkiFolder)}`,
    );
  }
  if (status !== undefined && ofSignIn.includes(status))
    return make("DEVICE_REFUSED", `the server refuses the user (${status})`);
  // A server that does not trust us often closes the connection without a word.
  const wordless = status === undefined && /rejected by server/i.test(message);
  if (wordless || status?.startsWith("BadCertificate") === true || (status !== undefined && ofUs.includes(status))) {
    const orOther = pinned ? ", or it does not have the certificate that serverCertificate names" : "";
    return make(
      "DEVICE_REFUSED",
      `the server refuses the connection (${status ?? "it closed it while it was being secured"}). It may not trust this gateway yet, whose certificate is ${certificateFile}${orOther}`,
    );
  }
  if (/cannot find endpoint|end ?point/i.test(message) && !/ECONN|premature|socket|disconnect/i.test(message)) {
    return make("DEVICE_REFUSED", "the server offers no endpoint with this security mode and policy");
  }
  return make("LINK_LOST", `no connection${status === undefined ? "" : ` (${status})`}`);
}
