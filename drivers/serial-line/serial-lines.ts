import { GatewayError } from "../../gateway/domain/errors.ts";
import type { ModbusLine, SerialFeed } from "../../gateway/ports/driver.ts";
import { type FeedEvents, FeedLine } from "./feed-line.ts";
import type { LineDeps } from "./kept-port.ts";
import { type LineHealth, RtuLine } from "./rtu-line.ts";
import type { LineSettings } from "./timing.ts";
import type { OpenTty } from "./tty.ts";

export interface SerialLines {
  /**
   * The Modbus line of this id, also after `apply` gave it other settings; when it is no more its reads fail with `lost`.
   * Throws CONFIG_INVALID for an id that never was one.
   */
  line(id: string): ModbusLine;
  /**
   * The line of this id on which one device speaks by itself, also after `apply` gave it other settings.
   * Throws CONFIG_INVALID for an id that never was one.
   */
  feed(id: string): SerialFeed;
  /** Makes the lines be these: unchanged ones go on undisturbed, changed ones open anew. */
  apply(lines: readonly LineSettings[]): Promise<void>;
  /** Of the Modbus lines. */
  health(): readonly LineHealth[];
  /** Gives all ports back; what waits fails with `lost`. */
  close(): Promise<void>;
}

/** serialport's native binding loads with the first line and not before. */
const openLazily: OpenTty = async (settings) => (await import("./serialport-tty.ts")).openTty(settings);

/**
 * Returns at once; the lines open by themselves, and open again whenever they are lost.
 * Throws CONFIG_INVALID where a Modbus line has 7 data bits: RTU has none to spare.
 */
export function openSerialLines(
  lines: readonly LineSettings[],
  deps: Omit<LineDeps, "openTty"> & { readonly openTty?: OpenTty },
): SerialLines {
  const lineDeps: LineDeps = { openTty: openLazily, ...deps };
  const open = new Map<string, RtuLine | FeedLine>();
  const handles = new Map<string, ModbusLine>();
  /** Who listens on a line, whatever its port. */
  const ears = new Map<string, Set<FeedEvents>>();

  const start = (settings: LineSettings): void => {
    const { id, feed = false } = settings;
    if (feed) {
      const listening = ears.get(id) ?? new Set<FeedEvents>();
      ears.set(id, listening);
      const tell = (what: (each: FeedEvents) => void): void => [...listening].forEach(what);
      const events: FeedEvents = {
        received: (bytes) => tell((each) => each.received(bytes)),
        changed: (isOpen) => tell((each) => each.changed(isOpen)),
      };
      open.set(id, new FeedLine(settings, lineDeps, events));
      return;
    }
    open.set(id, new RtuLine(settings, lineDeps));
    if (handles.has(id)) return;
    const current = (): RtuLine | undefined => {
      const line = open.get(id);
      return line instanceof RtuLine ? line : undefined;
    };
    handles.set(id, handleOf(id, current));
  };

  lines.forEach(mustBeRtu);
  lines.forEach(start);

  return {
    line: (id) => {
      const handle = handles.get(id);
      if (handle === undefined) throw new GatewayError("CONFIG_INVALID", `there is no serial line ${id}`);
      return handle;
    },
    feed: (id) => {
      const listening = ears.get(id);
      if (listening === undefined)
        throw new GatewayError("CONFIG_INVALID", `there is no serial line ${id} that one device has to itself`);
      return {
        id,
        // What comes in while nobody listens is thrown away.
        listen: (received, changed) => {
          const listener: FeedEvents = { received, changed };
          listening.add(listener);
          const line = open.get(id);
          changed(line instanceof FeedLine && line.open());
          return () => listening.delete(listener);
        },
      };
    },
    apply: async (wanted) => {
      wanted.forEach(mustBeRtu);
      const kept = (line: RtuLine | FeedLine) => wanted.some((settings) => same(settings, line.settings));
      const gone = [...open.values()].filter((line) => !kept(line));
      for (const line of gone) open.delete(line.id);
      // First all of them are given back: a path may have moved from one line to another.
      await Promise.all(gone.map((line) => line.close()));
      for (const settings of wanted) if (!open.has(settings.id)) start(settings);
    },
    health: () => [...open.values()].flatMap((line) => (line instanceof RtuLine ? [line.health()] : [])),
    close: async () => {
      const all = [...open.values()];
      open.clear();
      await Promise.all(all.map((line) => line.close()));
    },
  };
}

/** Who uses a line; without a unit it has the line to itself. */
export interface LineUse {
  readonly line: string;
  readonly unit?: number;
}

/** A line that is used by a device without a unit number, and by no other, is one on which we are silent. */
export function withFeeds(lines: readonly LineSettings[], uses: readonly LineUse[]): readonly LineSettings[] {
  return lines.map((settings) => {
    const here = uses.filter(({ line }) => line === settings.id);
    return here.length > 0 && here.every(({ unit }) => unit === undefined) ? { ...settings, feed: true } : settings;
  });
}

function handleOf(id: string, current: () => ModbusLine | undefined): ModbusLine {
  const gone = { ok: false, why: "lost", detail: `the line ${id} is not in the configuration any more` } as const;
  return {
    id,
    readHolding: async (...args) => (await current()?.readHolding(...args)) ?? gone,
    readInput: async (...args) => (await current()?.readInput(...args)) ?? gone,
    readCoils: async (...args) => (await current()?.readCoils(...args)) ?? gone,
    readDiscrete: async (...args) => (await current()?.readDiscrete(...args)) ?? gone,
    writeCoil: async (...args) => (await current()?.writeCoil(...args)) ?? gone,
    writeRegister: async (...args) => (await current()?.writeRegister(...args)) ?? gone,
    open: () => current()?.open() ?? false,
  };
}

function same(a: LineSettings, b: LineSettings): boolean {
  const keys = ["id", "path", "baudRate", "parity", "dataBits", "stopBits", "echo", "paced", "feed"] as const;
  const bounds = ["lateBoundMs", "doubleBoundMs", "latencyMs"] as const;
  return [...keys, ...bounds].every((key) => a[key] === b[key]);
}

function mustBeRtu({ id, dataBits, feed = false }: LineSettings): void {
  if (dataBits !== 8 && !feed)
    throw new GatewayError("CONFIG_INVALID", `serial line ${id}: Modbus RTU needs 8 data bits, found ${dataBits}`);
}
