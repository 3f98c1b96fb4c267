import { randomUUID, X509Certificate } from "node:crypto";
import { chmod, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { OPCUACertificateManager } from "node-opcua-certificate-manager";

/** A box that starts with a wrong clock must not make a certificate of 1970. */
const validFrom = new Date("2025-01-01T00:00:00Z");
const validDays = 25 * 365;

export interface ServerStore {
  readonly folder: string;
  /** Applications that may connect. */
  readonly applications: OPCUACertificateManager;
  /** People who sign in by a certificate: nobody is in it, and nobody gets in by it. */
  readonly people: OPCUACertificateManager;
  readonly certificateFile: string;
  readonly applicationUri: string;
  /** What somebody has put among the trusted is no longer rejected, though he copied it and did not move it. */
  settle(): Promise<void>;
}

/** Key, certificate and trust of the server below `{dataDir}/opcua/server`. Nothing is ever trusted by itself. */
export async function openServerStore(dataDir: string, host: string): Promise<ServerStore> {
  const folder = join(dataDir, "opcua", "server");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Watches its folders: who is moved from `rejected` to `trusted` gets in at the next try.
  const applications = new OPCUACertificateManager({
    rootFolder: folder,
    automaticallyAcceptUnknownCertificate: false,
  });
  const people = new OPCUACertificateManager({
    rootFolder: join(folder, "people"),
    automaticallyAcceptUnknownCertificate: false,
    disableFileWatchers: true,
  });
  await applications.initialize();
  await people.initialize();
  const certificateFile = join(folder, "own", "certs", "zhian-gateway.pem");
  const known = await applicationUriOf(certificateFile);
  const applicationUri = known ?? `urn:${hostname()}:zhian-gateway:${randomUUID()}`;
  if (known === undefined) {
    const names = [...new Set([hostname(), "localhost"])];
    await applications.createSelfSignedCertificate({
      applicationUri,
      dns: names,
      ...(/^[\d.]+$/.test(host) && host !== "0.0.0.0" ? { ip: [host] } : {}),
      outputFile: certificateFile,
      subject: "/CN=zhian-gateway/O=zhian-gateway",
      startDate: validFrom,
      validity: validDays,
    });
    await chmod(join(folder, "own", "private", "private_key.pem"), 0o600);
  }
  const settle = async () => {
    const trusted = await thumbprints(join(folder, "trusted", "certs"));
    for (const [thumbprint, file] of await thumbprints(join(folder, "rejected"))) {
      if (trusted.has(thumbprint)) await rm(file, { force: true });
    }
  };
  return { folder, applications, people, certificateFile, applicationUri, settle };
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

async function applicationUriOf(certificateFile: string): Promise<string | undefined> {
  try {
    const { subjectAltName = "" } = new X509Certificate(await readFile(certificateFile));
    return /URI:([^,\s]+)/.exec(subjectAltName)?.[1];
  } catch {
    return undefined;
  }
}
