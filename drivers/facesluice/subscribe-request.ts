import type { CommandRequest } from "./commands.ts";
import type { FaceSluiceHttpOptions, OwnServer } from "./http-options.ts";
import { wireId } from "./replies.ts";

/** What is subscribed to: verifications without their pictures where the firmware knows that topic, else with them. */
const topics = [
  ["Snap", "VerifyNoPic"],
  ["Snap", "VerifyWithSnap"],
] as const;

/**
 * Subscribe, HTTP V1.13 §3.1, in the order in which they are tried. The device signs in at our listener with its account there,
 * or by a token in the address.
 */
export function subscribeRequests(
  options: FaceSluiceHttpOptions,
  { callback }: OwnServer,
  deviceId: string,
): readonly CommandRequest[] {
  const { username, password, token, ownIds, heartbeatMs } = options;
  const path = `/ingest/${deviceId}${token === undefined ? "" : `/token/${token}`}`;
  const account =
    username === undefined || password === undefined
      ? { Auth: "none" }
      : { Auth: "Basic", User: username, Pwd: password };
  return topics.map((wanted) => ({
    operator: "Subscribe",
    ackOperator: "Subscribe",
    info: {
      DeviceID: wireId(ownIds.at(-1) ?? options.deviceId),
      Num: wanted.length,
      Topics: [...wanted],
      SubscribeAddr: callback,
      SubscribeUrl: { Snap: `${path}/Snap`, Verify: `${path}/Verify`, HeartBeat: `${path}/heartbeat` },
      BeatInterval: Math.round(heartbeatMs / 1000),
      ResumefromBreakpoint: 1,
      ...account,
    },
  }));
}
