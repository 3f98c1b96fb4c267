import { connect, createServer, type Socket } from "node:net";

export interface FaultProxy {
  readonly port: number;
  /** Breaks every connection and refuses new ones until `mend`. */
  cut(): void;
  /** Keeps the connections open and lets nothing through in either direction: a line that is half dead. */
  freeze(): void;
  mend(): void;
  close(): Promise<void>;
}

/** A TCP line between two programs of one test that can be broken. */
export function startFaultProxy(target: number): Promise<FaultProxy> {
  let state: "up" | "cut" | "frozen" = "up";
  const pairs = new Set<[Socket, Socket]>();
  const server = createServer((near) => {
    if (state === "cut") {
      near.destroy();
      return;
    }
    const far = connect(target, "127.0.0.1");
    const pair: [Socket, Socket] = [near, far];
    pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on("data", (bytes) => {
        if (state === "frozen") return;
        if (!to.write(bytes)) from.pause();
      });
      to.on("drain", () => from.resume());
      from.on("error", () => {});
      from.on("close", () => {
        pairs.delete(pair);
        to.destroy();
      });
    }
  });
  const breakAll = (): void => {
    for (const [near, far] of pairs) {
      near.destroy();
      far.destroy();
    }
  };
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve({
        port: typeof address === "object" && address !== null ? address.port : 0,
        cut() {
          state = "cut";
          breakAll();
        },
        freeze() {
          state = "frozen";
        },
        mend() {
          // What was frozen has lost bytes: such a connection can only be broken.
          if (state === "frozen") breakAll();
          state = "up";
        },
        close: () =>
          new Promise((done) => {
            breakAll();
            server.close(() => done());
          }),
      });
    });
  });
}
