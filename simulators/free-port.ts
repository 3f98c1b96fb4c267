import { createServer } from "node:net";

/** A port of the loopback that was free a moment ago: `wanted`, or any where that one is taken. */
export async function freePort(wanted = 0): Promise<number> {
  const server = createServer();
  const port = await new Promise<number | undefined>((resolve) => {
    server.once("error", () => resolve(undefined));
    server.listen(wanted, "127.0.0.1", () => {
      const address = server.address();
      resolve(address === null || typeof address === "string" ? undefined : address.port);
    });
  });
  if (port !== undefined) {
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
  if (wanted === 0) throw new Error("no free port on the loopback");
  return freePort();
}
