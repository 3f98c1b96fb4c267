import type { DriverManifest } from "../../gateway/ports/driver.ts";
import { FakeDriverContext } from "./driver-context.ts";
import { deviceId } from "./ingress/test-broker.ts";
import { startTestIngest } from "./ingress/test-ingest.ts";
import { ManualClock } from "./manual-clock.ts";

/** A session of a dialect behind the real ingest listener, admitted by its own grants; the log is the test's. */
export async function startPushingDevice(manifest: DriverManifest, given: object) {
  const options = manifest.options.parse(given);
  const grants = manifest.http?.(options, deviceId("device-1"));
  if (grants === undefined) throw new Error("this device does not push as it is configured");
  const { ingest, port } = await startTestIngest({});
  ingest.admit(new Map([[deviceId("device-1"), grants]]));
  const { driver, dialect } = manifest;
  const context = new FakeDriverContext<unknown>({ options, driver, dialect, clock: new ManualClock(Date.now()) });
  const endpoint = ingest.deviceHttp(deviceId("device-1"));
  const behind = Object.assign(Object.create(context), { http: endpoint });
  const session = (await manifest.load()).open(behind);
  return {
    context,
    ingest,
    port,
    url: `http://127.0.0.1:${port}/ingest/device-1`,
    stop: async () => {
      context.abort();
      await session.done;
      await ingest.close();
    },
  };
}
