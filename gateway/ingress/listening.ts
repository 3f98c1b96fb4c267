import type { Server } from "node:net";
import { GatewayError } from "../domain/errors.ts";

/**
 * Listens on an address, and says which it became (port 0 is any that is free).
 * @param what For the message: `the broker`.
 * @throws GatewayError PORT_IN_USE or LISTEN_REFUSED
 */
export async function listenOn(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
  what: string,
): Promise<{ readonly address: string; readonly port: number }> {
  await new Promise<void>((resolve, reject) => {
    const refuse = (cause: NodeJS.ErrnoException): void => {
      const code = cause.code === "EADDRINUSE" ? "PORT_IN_USE" : "LISTEN_REFUSED";
      reject(new GatewayError(code, `${what} cannot listen on ${host}:${port}`, { cause }));
    };
    server.once("error", refuse);
    server.listen(port, host, () => {
      server.off("error", refuse);
      resolve();
    });
  });
  const bound = server.address();
  return bound !== null && typeof bound === "object" ? bound : { address: "", port: 0 };
}
