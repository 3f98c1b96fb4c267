import { randomUUID, X509Certificate } from "node:crypto";
import { chmod, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { OPCUACertificateManager } from "node-opcua-certificate-manager";

/** The own certificate says since when it holds: a box that starts with a wrong clock must not make one of 1970. */
const validFrom = new Date("2025-01-01T00:00:00Z");
const validDays = 25 * 365;

/** Keys and certificates of the gateway as a client: `own`, `trusted`, `issuers` and `rejected` below one folder. */
export interface Pki {
  readonly folder: string;
  readonly store: OPCUACertificateManager;
  /** PEM file to be trusted on the server. */
  readonly certificateFile: string;
  readonly privateKeyFile: string;
  readonly applicationUri: string;
}

/**
 * What somebody has put among the trusted is no longer rejected, though he copied it and did not move it: the library goes by
 * `rejected` first.
 */
async function settleRejected(folder: string): Promise<void> {
  const trusted = await thumbprints(trustedFolder(folder));
  for (const [thumbprint, file] of await thumbprints(join(folder, "rejected"))) {
    if (trusted.has(thumbprint)) await rm(file, { force: true });
  }
}

async function thumbprints(folder: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const name of await readdir(folder).catch(() => [])) {
    try {
      const file = join(folder, name);
      found.set(new X509Certificate(await readFile(file)).fingerprint256, file);
    } catch {
      // Not a certificate: nothing to compare.
    }
  }
  return found;
}

/** Where a certificate that is to be trusted has to be put. */
export const trustedFolder = (folder: string): string => join(folder, "trusted", "certs");

const opening = new Map<string, Promise<string>>();

/**
 * Opens the store, and makes the key and a self-signed certificate at the first time. Nothing is ever trusted by itself: an
 * unknown certificate is put into `rejected` and refused.
 */
export async function openPki(folder: string): Promise<Pki> {
  const certificateFile = join(folder, "own", "certs", "zhian-gateway.pem");
  const privateKeyFile = join(folder, "own", "private", "private_key.pem");
  // Many devices open it at once at the start; one of them makes the key.
  const pending = opening.get(folder) ?? prepare(folder, certificateFile, privateKeyFile);
  opening.set(folder, pending);
  try {
    const applicationUri = await pending;
    await settleRejected(folder);
    return { folder, store: storeOf(folder), certificateFile, privateKeyFile, applicationUri };
  } finally {
    opening.delete(folder);
  }
}

function storeOf(folder: string): OPCUACertificateManager {
  return new OPCUACertificateManager({
    rootFolder: folder,
    automaticallyAcceptUnknownCertificate: false,
    // Every session opens the store anew, and so sees what was trusted meanwhile.
    disableFileWatchers: true,
  });
}

async function prepare(folder: string, certificateFile: string, privateKeyFile: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const known = await applicationUriOf(certificateFile);
  if (known !== undefined) return known;
  const store = storeOf(folder);
  await store.initialize();
  const applicationUri = `urn:${hostname()}:zhian-gateway:${randomUUID()}`;
  await store.createSelfSignedCertificate({
    applicationUri,
    dns: [hostname()],
    outputFile: certificateFile,
    subject: "/CN=zhian-gateway/O=zhian-gateway",
    startDate: validFrom,
    validity: validDays,
  });
  await chmod(privateKeyFile, 0o600);
  await store.dispose();
  return applicationUri;
}

/** It has to be the one in the certificate (OPC UA Part 4 §6.1.3), whatever the host is called today. */
async function applicationUriOf(certificateFile: string): Promise<string | undefined> {
  try {
    const { subjectAltName = "" } = new X509Certificate(await readFile(certificateFile));
    return /URI:([^,\s]+)/.exec(subjectAltName)?.[1];
  } catch {
    return undefined;
  }
}
