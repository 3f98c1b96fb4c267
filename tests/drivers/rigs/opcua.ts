import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StatusCodes } from "node-opcua-client";
import { afterAll } from "vitest";
import { FirePanel, namespaceUri } from "../../../simulators/opcua/panel.ts";
import type { FakeDriverContext } from "../../support/driver-context.ts";
import { startFaultProxy } from "../../support/fault-proxy.ts";
import { freePort } from "../../support/free-port.ts";
import { waitFor } from "../../support/wait-for.ts";
import type { Rig } from "../rigs.ts";

const folder = mkdtempSync(join(tmpdir(), "zhian-panel-"));
const port = await freePort();
const panel = await FirePanel.start({ port, pkiFolder: folder, zones: ["Z1"] });
const line = await startFaultProxy(port);
afterAll(async () => {
  await panel.stop();
  await line.close();
  rmSync(folder, { recursive: true, force: true });
});

const connected = (context: FakeDriverContext<unknown>) => waitFor("the session", () => context.seenDetails.length > 0);
const node = (name: string) => `nsu=${namespaceUri};s=Z1.${name}`;

/** A server of its own process would cost the contract ten seconds; its wire is the same. */
export const opcUaClientRig: Rig = {
  options: {
    endpoint: `opc.tcp://127.0.0.1:${line.port}`,
    profile: "panel",
    securityMode: "None",
    publishEvery: "50ms",
    keepAlive: "1s",
  },
  profile: {
    variables: [
      { is: "contact", node: node("Contact"), role: "manual-call-point" },
      { is: "panel", node: node("State"), point: "Z1", values: { 0: "normal", 1: "fire" } },
    ],
    conditions: { map: [{ event: "fire" }] },
  },
  kind: "contact.state",
  prepare(context) {
    context.clock.step(Date.now() - context.clock.wall());
    for (const name of ["Contact", "State"]) panel.set("Z1", name, 0, StatusCodes.BadWaitingForInitialData);
  },
  async fact(context, nth) {
    if (!context.signal.aborted) await connected(context);
    const observed = () => context.outcomes.filter((each) => each === "observed").length;
    const before = observed();
    panel.set("Z1", "Contact", nth % 2 === 1);
    if (!context.signal.aborted) await waitFor("the contact", () => observed() > before);
  },
  async garbage(context) {
    await connected(context);
    panel.set("Z1", "State", 99);
    await waitFor("a rejection", () => context.rejections.length > 0);
  },
  async lose(context) {
    line.cut();
    line.mend();
    if (!context.signal.aborted) await waitFor("the loss", () => context.goneReasons.length > 0);
  },
};
