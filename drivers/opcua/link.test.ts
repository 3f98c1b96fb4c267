import { OPCUACertificateManager } from "node-opcua-certificate-manager";
import { expect, test } from "vitest";
import { clientOptions } from "./link.ts";
import { opcUaOptions } from "./options.ts";

test.each(["2s", "10s", "10m"])(
  "a server on which nothing happens is not taken for a lost one, with a keep-alive of %s",
  (keepAlive) => {
    const options = opcUaOptions.parse({ endpoint: "opc.tcp://192.0.2.7:4840", profile: "panel", keepAlive });
    const store = new OPCUACertificateManager({
      rootFolder: "/nonexistent",
      automaticallyAcceptUnknownCertificate: false,
    });
    const own = {
      applicationUri: "urn:us",
      store,
      certificateFile: "/nonexistent/us.pem",
      privateKeyFile: "/nonexistent/key.pem",
    };
    const { transportTimeout = 0 } = clientOptions(options, own);
    // The session itself ends after three keep-alives in silence.
    expect(transportTimeout).toBeGreaterThan(3 * options.keepAlive);
  },
);
