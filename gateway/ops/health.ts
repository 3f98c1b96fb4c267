import { errorCatalogue } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { DeviceDirectory } from "../ports/devices.ts";
import type { HealthBoard, LiveReport, ReadyReport, StorageView, UplinkView } from "../ports/status.ts";

const beatEveryMs = 1_000;
const stalledAfterMs = 5_000;
const rulesStalledAfterMs = 30_000;
/** Share of the disk budget from which an operator is told. */
const budgetWarnFrom = 0.9;

export interface HealthSources {
  readonly clock: Clock;
  readonly version: string;
  readonly broker: () => { readonly listening: boolean };
  readonly storage: () => StorageView;
  readonly uplink: () => Pick<UplinkView, "state" | "code">;
  readonly devices: Pick<DeviceDirectory, "devices" | "states">;
  /** How far the rules have read, and how far there is to read. */
  readonly fusion: () => { readonly cursor: number; readonly head: number };
}

/**
 * Judges the gateway from what its parts say. A line to the city that is down, silent devices and a doubtful clock are
 * told but do not make it unready: it does its work on the site without them.
 */
export class Health implements HealthBoard {
  readonly #sources: HealthSources;
  readonly #startedAt: number;
  #beatAt: number;
  #cursor = -1;
  #movedAt: number;
  #cancel: () => void = () => {};

  constructor(sources: HealthSources) {
    this.#sources = sources;
    this.#startedAt = sources.clock.now();
    this.#beatAt = this.#startedAt;
    this.#movedAt = this.#startedAt;
    this.#beat();
  }

  /**
   * Not alive when the event loop did not turn for 5 s, or when the rules did not read on for 30 s although there was
   * something to read and the log could be written: whoever watches from outside should restart the gateway then.
   */
  live(): LiveReport {
    const now = this.#sources.clock.now();
    const reasons: string[] = [];
    if (now - this.#beatAt > stalledAfterMs) reasons.push("event-loop-stalled");
    if (this.#rulesStalled()) reasons.push("rules-stalled");
    return { alive: reasons.length === 0, reasons, version: this.#sources.version, uptimeMs: now - this.#startedAt };
  }

  ready(): ReadyReport {
    const { broker, storage, uplink, clock } = this.#sources;
    const log = storage();
    const line = uplink();
    const quality = clock.quality();
    const devices = this.#countDevices();
    const listening = broker().listening;
    const reasons: ReadyReport["reasons"][number][] = [];
    const warnings: ReadyReport["warnings"][number][] = [];
    if (!listening) {
      reasons.push({ code: "BROKER_CLOSED", zh: "设备接入端口未监听", en: "the devices' broker is not listening" });
    }
    if (!log.writable) {
      const code = log.code ?? "DISK_FAILED";
      reasons.push({ code, zh: "数据无法写入磁盘", en: `the log cannot be written: ${errorCatalogue[code].hint}` });
    }
    if (this.#rulesStalled()) {
      reasons.push({ code: "RULES_STALLED", zh: "规则引擎停滞", en: "the rules do not read on" });
    }
    if (line.state === "down" || line.state === "connecting") {
      warnings.push({
        code: line.code ?? "UPLINK_LOST",
        zh: "城市平台连接中断，数据保存在本地，恢复后补发",
        en: "the line to the city is down; everything is kept and sent when it is back",
      });
    }
    if (devices.offline > 0) {
      warnings.push({
        code: "DEVICES_OFFLINE",
        zh: `${devices.offline} 台设备离线`,
        en: `devices offline: ${devices.offline}`,
      });
    }
    if (devices.unknown > 0) {
      warnings.push({
        code: "DEVICES_UNKNOWN",
        zh: `${devices.unknown} 台设备尚未上报`,
        en: `devices not heard yet: ${devices.unknown}`,
      });
    }
    if (quality.state === "unsynchronised") {
      warnings.push({ code: "CLOCK_WRONG", zh: "系统时钟不准", en: "the system's clock is wrong" });
    }
    if (log.budgetBytes !== undefined && log.bytes > log.budgetBytes * budgetWarnFrom) {
      warnings.push({
        code: "BUDGET_NEARLY_USED",
        zh: "存储配额将满，旧数据将被清理",
        en: "the disk budget is nearly used; the oldest events go first",
      });
    }
    return {
      ready: reasons.length === 0,
      reasons,
      warnings,
      broker: { listening },
      log,
      uplink: line.state,
      devices,
      clock: quality,
    };
  }

  close(): void {
    this.#cancel();
  }

  #beat(): void {
    this.#beatAt = this.#sources.clock.now();
    this.#watchRules();
    this.#cancel = this.#sources.clock.after(beatEveryMs, () => this.#beat());
  }

  #watchRules(): void {
    const { cursor, head } = this.#sources.fusion();
    if (cursor === this.#cursor && cursor < head && this.#sources.storage().writable) return;
    this.#cursor = cursor;
    this.#movedAt = this.#sources.clock.now();
  }

  #rulesStalled(): boolean {
    return this.#beatAt - this.#movedAt > rulesStalledAfterMs;
  }

  #countDevices(): ReadyReport["devices"] {
    const { devices } = this.#sources;
    const total = devices.devices().length;
    const states = devices.states();
    const online = states.filter((state) => state.online === "online").length;
    const offline = states.filter((state) => state.online === "offline").length;
    return { total, online, offline, unknown: Math.max(0, total - online - offline) };
  }
}
