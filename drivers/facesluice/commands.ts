import type { CommandOffer, CommandOutcome, DeviceCommand } from "../../gateway/domain/command.ts";
import { localTimeText } from "./local-time.ts";
import type { CommonOptions, FaceSluiceTopics } from "./options.ts";
import { wireId } from "./replies.ts";
import { type CommandTemplate, fillTemplate, type Json } from "./template.ts";

/** One request to a device, whatever carries it. */
export interface CommandRequest {
  readonly operator: string;
  readonly ackOperator: string;
  readonly info: Readonly<Record<string, Json>>;
}

/** What has to be known to write a command's messages. */
export interface CommandScene {
  readonly options: CommonOptions;
  /** MQTT has topics to configure; without them it is HTTP. */
  readonly topics?: FaceSluiceTopics;
  readonly ms: number;
  readonly timeZone: string;
  readonly messageId: string;
  /** Epoch ms of a time as a person writes it for this device. */
  readonly read: (text: string) => number | undefined;
}

export type CommandPlan =
  | { readonly ok: true; readonly requests: readonly CommandRequest[] }
  | { readonly ok: false; readonly outcome: CommandOutcome };

const rangeArgs = {
  from: "beginning, e.g. 2026-11-24 08:00:00 by the device's clock, or with an offset",
  to: "end",
  what: "records (of known persons) or strangers; both where it is not said",
};

const offers: readonly CommandOffer[] = [
  { name: "get-time", title: { zh: "读取设备时间", en: "Read the device's clock" }, actuates: false },
  { name: "reboot", title: { zh: "重启设备", en: "Restart the device" }, actuates: false },
  {
    name: "replay-records",
    title: { zh: "重推历史记录", en: "Push stored records again" },
    actuates: false,
    args: rangeArgs,
  },
  {
    name: "configure-upload",
    title: { zh: "开启记录上传与断点续传", en: "Switch on uploads and their repetition until acknowledged" },
    actuates: false,
  },
  { name: "device-info", title: { zh: "读取设备信息与固件版本", en: "Read model and firmware" }, actuates: false },
];

/** What a device can be told as it is configured. */
export function commandOffers({ setTime, unlock }: CommonOptions): readonly CommandOffer[] {
  return [
    ...offers,
    ...(setTime === undefined
      ? []
      : [{ name: "set-time", title: { zh: "校准设备时间", en: "Set the device's clock" }, actuates: false }]),
    ...(unlock === undefined
      ? []
      : [{ name: "unlock", title: { zh: "远程开门", en: "Open the door" }, actuates: true }]),
  ];
}

/** The messages of a command: MQTT V1.25 §5 and §4.15, HTTP V1.13 §3.4 and §4. */
export function planCommand(command: DeviceCommand, scene: CommandScene): CommandPlan {
  const { options, topics } = scene;
  const deviceId = wireId(options.ownIds.at(-1) ?? options.deviceId);
  const own: Record<string, Json> = topics === undefined ? { DeviceID: deviceId } : {};
  switch (command.name) {
    case "get-time":
      return requests([["GetSysTime", own]]);
    case "reboot":
      return requests([["RebootDevice", topics === undefined ? { ...own, IsRebootDevice: 1 } : {}]]);
    case "device-info":
      // The version is a field of the system's parameters over HTTP (§4.2), and a command of its own over MQTT (§5.11).
      return requests([
        ["GetDeviceInformation", own],
        [topics === undefined ? "GetSysParam" : "Versions", own],
      ]);
    case "configure-upload":
      return topics === undefined
        ? unsupported("there is nothing to configure but the subscription")
        : upload(scene, topics);
    case "replay-records":
      return replay(command, scene, deviceId);
    case "set-time":
      return fromTemplate("set-time", options.setTime, scene);
    case "unlock":
      return fromTemplate("unlock", options.unlock, scene);
    default:
      return unsupported(`it does not know the command ${command.name}`);
  }
}

function requests(given: readonly (readonly [string, Record<string, Json>])[]): CommandPlan {
  return {
    ok: true,
    requests: given.map(([operator, info]) => ({ operator, ackOperator: `${operator}-Ack`, info })),
  };
}

/** UpMQTTconfig as the manual's own sample has it (§5.1), with the topics and the heartbeat of the configuration. */
function upload({ options, ms, timeZone }: CommandScene, topics: FaceSluiceTopics): CommandPlan {
  return requests([
    [
      "UpMQTTconfig",
      {
        facesluiceId: options.ownIds.at(-1) ?? options.deviceId,
        StrangerUploadType: 0,
        RecordUploadType: 1,
        BehaviorUploadType: 255,
        KeepAliveInterval: Math.round(options.heartbeatMs / 1000),
        OnlineTopic: topics.basic,
        HeartbeatTopic: topics.heartbeat,
        ResumefromBreakpoint: 1,
        BeginTime: localTimeText(ms, timeZone),
      },
    ],
  ]);
}

const longestReplayMs = 31 * 86_400_000;

function replay({ args }: DeviceCommand, scene: CommandScene, deviceId: string | number): CommandPlan {
  const [from, to] = [args["from"], args["to"]].map((each) =>
    typeof each === "string" ? scene.read(each) : undefined,
  );
  const what = args["what"] ?? "all";
  if (from === undefined || to === undefined || to < from || to - from > longestReplayMs) {
    return unsupported(`it needs from (${rangeArgs.from}) and to, at most 31 days later`);
  }
  if (what !== "all" && what !== "records" && what !== "strangers") return unsupported(`what is ${rangeArgs.what}`);
  const written = (ms: number) => {
    const text = localTimeText(ms, scene.timeZone);
    return scene.topics === undefined ? text.replace(" ", "T") : text;
  };
  const info = { DeviceID: deviceId, TimeS: written(from), TimeE: written(to) };
  const all: [string, string, Record<string, Json>][] = [
    ["records", "ManualPushRecords", info],
    ["strangers", "ManualPushSnaps", info],
  ];
  return requests(all.filter(([part]) => what === "all" || what === part).map(([, ...request]) => request));
}

function fromTemplate(name: string, template: CommandTemplate | undefined, scene: CommandScene): CommandPlan {
  if (template === undefined) return unsupported(`its message is not configured: see the option for ${name}`);
  const { options, ms, timeZone, messageId } = scene;
  const { operator, ackOperator } = template;
  const info = fillTemplate(template, { deviceId: options.ownIds.at(-1) ?? options.deviceId, messageId, ms, timeZone });
  return { ok: true, requests: [{ operator, ackOperator, info }] };
}

function unsupported(detail: string): CommandPlan {
  return { ok: false, outcome: { ok: false, why: "unsupported", detail } };
}
